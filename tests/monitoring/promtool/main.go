// The part of promtool that checks and tests rules. Its own unittest.go is put beside this file when it is built. The
// rest of promtool, which knows every cloud, would take three times as long to compile.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

const (
	successExitCode = 0
	failureExitCode = 1
)

// As promtool does: check rules FILE..., or test rules FILE...
func main() {
	command, files := os.Args[1], os.Args[3:]
	language := parser.NewParser(parser.Options{})
	if command == "test" {
		options := promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true}
		os.Exit(RulesUnitTest(options, language, nil, false, false, false, files...))
	}
	os.Exit(check(language, files))
}

func check(language parser.Parser, files []string) int {
	code := successExitCode
	for _, file := range files {
		_, problems := rulefmt.ParseFile(file, false, model.UTF8Validation, language, promslog.NewNopLogger())
		for _, problem := range problems {
			fmt.Fprintln(os.Stderr, problem)
			code = failureExitCode
		}
	}
	return code
}

// What unittest.go asks of promtool's main.go.
func parseTime(text string) (time.Time, error) {
	return time.Parse(time.RFC3339Nano, text)
}
