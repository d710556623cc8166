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

// Reporter takes lines for `proa status`, see k3s/notify.
type Reporter interface {
	Problem(key, line string)
}

// RefusedArgs says of each "flag=value" text of the user that a component of the control plane would not take, why, by the flag that it
// was given by: one such text would end the component, and the process with it.
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

// prepared is what prepare makes of the user's arguments for a component; if each is known and they are refused nevertheless, what it makes
// of none, which is reported. An error of the component's own is returned.
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
