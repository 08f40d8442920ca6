package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	argoproj "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	healthKey  = "resource.customizations.health."
	actionsKey = "resource.customizations.actions."
)

// scripts runs the scripts of an argocd-cm ConfigMap on one object, and prints its health, the menu
// that it has, and, if an action was named, the objects that the action leads to, as JSON.
func scripts(_ *cobra.Command, arguments []string) error {
	var settings corev1.ConfigMap
	if err := read(arguments[0], &settings); err != nil {
		return err
	}
	object := &unstructured.Unstructured{}
	if err := read(arguments[1], &object.Object); err != nil {
		return err
	}
	machine := lua.VM{ResourceOverrides: overrides(settings.Data)}
	script, _, err := machine.GetHealthScript(object)
	if err != nil {
		return err
	}
	health, err := machine.ExecuteHealthLua(object, script)
	if err != nil {
		return err
	}
	told := map[string]any{"health": health}
	discovery, err := machine.GetResourceActionDiscovery(object)
	if err == nil && len(discovery) > 0 && discovery[0] != "" {
		if told["menu"], err = machine.ExecuteResourceActionDiscovery(object, discovery); err != nil {
			return err
		}
	}
	if len(arguments) > 2 {
		action, err := machine.GetResourceAction(object, arguments[2])
		if err != nil {
			return err
		}
		if told["action"], err = machine.ExecuteResourceAction(object, action.ActionLua, nil); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(told)
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func overrides(data map[string]string) map[string]argoproj.ResourceOverride {
	found := map[string]argoproj.ResourceOverride{}
	for key, text := range data {
		if kind, ok := strings.CutPrefix(key, healthKey); ok {
			one := found[override(kind)]
			one.HealthLua = text
			found[override(kind)] = one
		}
		if kind, ok := strings.CutPrefix(key, actionsKey); ok {
			one := found[override(kind)]
			one.Actions = text
			found[override(kind)] = one
		}
	}
	return found
}

// override turns the `group_Kind` of a setting's key into `group/Kind`.
func override(kind string) string { return strings.Replace(kind, "_", "/", 1) }
