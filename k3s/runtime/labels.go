package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// refusedWords reports the labels, taints and arguments that Kubernetes would refuse; the others are used.
func (s *Server) refusedWords(context.Context) error {
	_, labels := s.node.Labels()
	_, taints := s.node.Taints()
	all, err := s.refusedArgs()
	if err != nil {
		return err
	}
	s.leaveOut(all)
	all["node-label"], all["node-taint"] = labels, taints
	for kind, refused := range all {
		for text, why := range refused {
			s.notify.Problem(kind+" "+text, fmt.Sprintf("%s %q: left out: %v", kind, text, why))
		}
	}
	return nil
}

// refusedArgs validates the arguments of all components. Without arguments nothing is done.
func (s *Server) refusedArgs() (map[string]map[string]error, error) {
	c := s.config
	if len(slices.Concat(c.APIServerArgs, c.ControllerManagerArgs, c.SchedulerArgs, c.KubeletArgs, c.KubeProxyArgs)) == 0 {
		return map[string]map[string]error{}, nil
	}
	all, err := s.plane.RefusedArgs()
	if err != nil {
		return nil, err
	}
	ofNode, err := s.node.RefusedArgs()
	maps.Copy(all, ofNode)
	return all, err
}

// leaveOut removes refused arguments from the configuration, which node and control plane share.
func (s *Server) leaveOut(refused map[string]map[string]error) {
	c := s.config
	for kind, args := range map[string]*[]string{
		"kube-apiserver-arg": &c.APIServerArgs, "kube-controller-manager-arg": &c.ControllerManagerArgs, "kube-scheduler-arg": &c.SchedulerArgs,
		"kubelet-arg": &c.KubeletArgs, "kube-proxy-arg": &c.KubeProxyArgs,
	} {
		*args = slices.DeleteFunc(*args, func(text string) bool { return refused[kind][text] != nil })
	}
}

// roleLabel marks the node as a server: `kubectl get nodes` shows it under ROLES.
const roleLabel = "node-role.kubernetes.io/control-plane"

// markNode sets all labels with the administrator's client: admission refuses some of them to the kubelet, and the
// kubelet does not add any to a registered node. A refused label is only reported.
func (s *Server) markNode(ctx context.Context, client kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	labels, _ := s.node.Labels()
	if _, own := labels[roleLabel]; !own {
		labels[roleLabel] = "true"
	}
	err := patchLabels(ctx, client, s.node.Name, labels)
	if err == nil || !refusal(err) {
		return err
	}
	for key, value := range labels {
		err := patchLabels(ctx, client, s.node.Name, map[string]string{key: value})
		if err != nil && !refusal(err) {
			return err
		}
		if err != nil {
			s.notify.Problem("node-label "+key, fmt.Sprintf("node-label %s=%s: left out: %v", key, value, err))
		}
	}
	return nil
}

// refusal says whether a retry would give the same error.
func refusal(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
}

func patchLabels(ctx context.Context, client kubernetes.Interface, node string, labels map[string]string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": labels}})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
