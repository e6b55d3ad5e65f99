// Renders many charts in one process with Helm's own library: what `helm template` for each release is measured against (docs/adr/0006).
package main

import (
	"encoding/json"
	"os"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
)

type request struct {
	Name, Namespace, Chart string
	Values                 map[string]any
}

func main() {
	var rs []request
	json.NewDecoder(os.Stdin).Decode(&rs)
	e := json.NewEncoder(os.Stdout)
	for _, r := range rs {
		c, err := loader.Load(r.Chart)
		if err != nil {
			panic(err)
		}
		if err := chartutil.ProcessDependencies(c, r.Values); err != nil {
			panic(err)
		}
		caps := common.DefaultCapabilities.Copy()
		v, err := util.ToRenderValues(c, r.Values, common.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}, caps)
		if err != nil {
			panic(err)
		}
		out, err := engine.Render(c, v)
		if err != nil {
			panic(err)
		}
		e.Encode(out)
	}
}
