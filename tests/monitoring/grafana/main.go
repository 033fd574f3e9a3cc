// Command grafana reads dashboards as Grafana's own schema has them, every panel with the options of its kind, and says
// what is unknown, missing or of the wrong type.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	code := 0
	for _, file := range os.Args[1:] {
		if err := check(file); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			code = 1
		}
	}
	os.Exit(code)
}

func check(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var found dashboard.Dashboard
	// Without a complaint it returns an empty list of them, which is not nil.
	if err := found.UnmarshalJSONStrict(raw); err != nil && err.Error() != "" {
		return err
	}
	return found.Validate()
}
