package main

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// podReady: a Pod is scheduled, initialized and ready, or has succeeded. One that failed may still be made ready.
func podReady(v *view) verdict {
	pod := as[corev1.Pod](v.live)
	stages := []struct {
		condition corev1.PodConditionType
		becoming  string
	}{{corev1.PodScheduled, "scheduled"}, {corev1.PodInitialized, "initialized"}, {corev1.PodReady, "ready"}}
	for _, stage := range stages {
		condition, done := podCondition(&pod, stage.condition)
		if done || stage.condition == corev1.PodReady && pod.Status.Phase == corev1.PodSucceeded {
			continue
		}
		now := verdict{status: fmt.Sprintf("Waiting for Pod %q to be %s", shown(v.live), stage.becoming)}
		if why := podTrouble(&pod, condition); why != "" {
			now.reasons = []string{fmt.Sprintf("[Pod %s]: %s", shown(v.live), why)}
		}
		return now
	}
	return verdict{ready: true}
}

// podCondition is what a condition says, and whether it holds.
func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) (message string, holds bool) {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == kind {
			return condition.Message, condition.Status == corev1.ConditionTrue
		}
	}
	return "", false
}

// podTrouble is what keeps a Pod from going on: what its condition says, and its containers.
func podTrouble(pod *corev1.Pod, condition string) string {
	var all []string
	if condition != "" {
		all = append(all, condition)
	}
	for _, container := range pod.Status.ContainerStatuses {
		if !container.Ready {
			all = append(all, containerTrouble(container)...)
		}
	}
	return strings.Join(all, "\n")
}

func containerTrouble(container corev1.ContainerStatus) []string {
	var all []string
	if waiting := container.State.Waiting; waiting != nil && waiting.Reason != "ContainerCreating" {
		all = append(all, fmt.Sprintf("[%s] %s", waiting.Reason, waiting.Message))
	}
	if ended := container.State.Terminated; ended != nil && ended.Reason != "" {
		if ended.Message != "" {
			all = append(all, fmt.Sprintf("[%s] %s", ended.Reason, ended.Message))
		} else {
			all = append(all, fmt.Sprintf("container %q completed with exit code %d", container.Name, ended.ExitCode))
		}
	}
	if last := container.LastTerminationState.Terminated; last != nil {
		all = append(all, fmt.Sprintf("container %q terminated (%s: exit code %d)", container.Name, last.Reason, last.ExitCode))
		if last.Message != "" {
			all = append(all, last.Message)
		}
	}
	return all
}
