// argocd holds the parts of Argo CD that follow a Git repository: its application controller, its
// repo server, and, in the place of the Redis between them, one in memory; and what runs the scripts of
// health and actions. Its API server, its UI and everything else are left out.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alicebob/miniredis/v2"
	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{Use: "argocd", SilenceUsage: true}
	root.AddCommand(named("application-controller", controller.NewCommand()))
	root.AddCommand(named("repo-server", reposerver.NewCommand()))
	root.AddCommand(&cobra.Command{Use: "cache ADDRESS", Args: cobra.ExactArgs(1), RunE: cache})
	root.AddCommand(&cobra.Command{
		Use: "scripts CONFIGMAP OBJECT [ACTION]", Args: cobra.RangeArgs(2, 3), RunE: scripts,
	})
	if err := root.Execute(); err != nil {
		os.Exit(1)
	}
}

func named(name string, command *cobra.Command) *cobra.Command {
	command.Use = name
	return command
}

func cache(_ *cobra.Command, arguments []string) error {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(arguments[0]); err != nil {
		return fmt.Errorf("cannot listen on %s: %w", arguments[0], err)
	}
	defer server.Close()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
	return nil
}
