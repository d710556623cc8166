package controlplane

import (
	"fmt"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	apiservers "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	managerapp "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	managers "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	schedulers "k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/proa-os/proa/k3s/flags"
)

// Reporter receives lines for `proa status`, see k3s/notify.
type Reporter interface {
	Problem(key, line string)
}

// RefusedArgs returns the user's "flag=value" arguments that a component of the control plane would refuse, with the
// error, by the flag they were given with: one invalid argument would end the component, and the process with it.
func (p Plane) RefusedArgs() (map[string]map[string]error, error) {
	manager, err := managers.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	known := manager.Flags(managerapp.KnownControllers(), managerapp.ControllersDisabledByDefault(), managerapp.ControllerAliases())
	gates := utilfeature.DefaultMutableFeatureGate
	return map[string]map[string]error{
		"kube-apiserver-arg":          flags.RefusedArgs(joined(apiservers.NewServerRunOptions().Flags()), gates, p.APIServerArgs),
		"kube-controller-manager-arg": flags.RefusedArgs(joined(known), gates, p.ControllerManagerArgs),
		"kube-scheduler-arg":          flags.RefusedArgs(joined(*schedulers.NewOptions().Flags), gates, p.SchedulerArgs),
	}, nil
}

// prepared returns prepare's result for the user's arguments. If prepare fails although each argument is valid, it
// returns the result without any of them, and reports that. If it fails without arguments too, the error is the
// component's own and is returned.
func prepared[T any](p Plane, flag string, theirs []string, prepare func(theirs []string) (T, error)) (T, error) {
	with, err := prepare(theirs)
	if err == nil || len(theirs) == 0 {
		return with, err
	}
	without, own := prepare(nil)
	if own != nil {
		return with, err
	}
	p.Report.Problem(flag, fmt.Sprintf("%s: all left out: %v", flag, err))
	return without, nil
}
