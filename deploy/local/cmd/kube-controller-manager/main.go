// Command kube-controller-manager is the Kubernetes component of that name, unchanged.
package main

import (
	"os"
	_ "time/tzdata" // for the time zones of CronJobs, where the machine has none

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	os.Exit(cli.Run(app.NewControllerManagerCommand()))
}
