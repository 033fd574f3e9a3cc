// Command kstatus reads objects as lines of JSON and prints for each, as a line of JSON, what kstatus makes of it.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

const longestLine = 1 << 21

type answer struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		found, err := compute(lines.Bytes())
		if err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(found); err != nil {
			log.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

func compute(line []byte) (answer, error) {
	// Unlike encoding/json this keeps whole numbers whole, as a client of Kubernetes has them.
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(line); err != nil {
		return answer{}, err
	}
	result, err := status.Compute(&object)
	if err != nil {
		return answer{}, err
	}
	return answer{result.Status, result.Message}, nil
}
