// Command gitops-engine syncs folders of manifests with the engine of Argo CD, for test/bench/deploy.ts: one resident process with a warm cache, as its application controller is.
// Each line of standard input is a file of manifests; "done" follows when they are synced. What does not differ is not applied, as by automated sync.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/engine"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
)

// As Argo CD's tracking annotation: what it deployed is known by it.
const mark = "bench.zakenak.dev/tracked"

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, namespace string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	// Argo CD's own defaults (ARGOCD_K8S_CLIENT_QPS); client-go's would be 5.
	config.QPS, config.Burst = 50, 100
	clusterCache := cache.NewClusterCache(config, cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			marked := object.GetAnnotations()[mark]
			return marked, marked != ""
		}))
	// Argo CD's own limit (--kubectl-parallelism-limit).
	running := make(chan struct{}, 20)
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{},
		OnKubectlRun: func(string) (kube.CleanupFunc, error) {
			running <- struct{}{}
			return func() { <-running }, nil
		}}
	gitops := engine.NewEngine(config, clusterCache, engine.WithLogr(logr.Discard()), engine.WithKubectl(kubectl))
	stop, err := gitops.Run()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := syncFile(gitops, clusterCache, lines.Text(), namespace); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return nil
}

func syncFile(gitops engine.GitOpsEngine, clusterCache cache.ClusterCache, path, namespace string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	wanted, err := kube.SplitYAML(text)
	if err != nil {
		return err
	}
	for _, object := range wanted {
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[mark] = namespace
		object.SetAnnotations(annotations)
	}
	isOurs := func(resource *cache.Resource) bool { return resource.Info == namespace }
	live, err := clusterCache.GetManagedLiveObjs(wanted, isOurs)
	if err != nil {
		return err
	}
	pairs := sync.Reconcile(wanted, live, namespace, clusterCache)
	compared, err := diff.DiffArray(pairs.Target, pairs.Live)
	if err != nil || !compared.Modified {
		return err
	}
	options := []sync.SyncOpt{sync.WithPrune(true), sync.WithLogr(logr.Discard())}
	_, err = gitops.Sync(context.Background(), wanted, isOurs, "bench", namespace, options...)
	return err
}
