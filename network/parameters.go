package network

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/jcs-ct/jcs/nn"
)

const batchCounter = "num_batches_tracked"

// registration is the order in which the published modules register what is
// in them, as one list: no two modules disagree.
func registration() []string {
	return []string{
		"vgg16", "res2net",
		"se1", "conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc",
		"convs", "bns", "conv3", "bn3", "downsample",
		"se2", "expand_conv", "reduce_conv", "end_conv", "se_block", "dilation_convs", "conv2",
		"inners_a", "inners_b",
		"cat_modules", "se_modules", "fuse_modules",
		"fuse", "gpd", "gpd1", "fpn", "cls1", "cls2", "cls3", "cls4", "cls5",
		"conv", "bn", "linear1", "linear2",
		"weight", "bias", "running_mean", "running_var", batchCounter,
	}
}

// Parameters are all tensors of the network's state dict in its order: those
// of the graph and, for each live batch norm, the scalar counter
// num_batches_tracked, which no graph needs. Buffers are not Trained.
func (p Plan) Parameters() ([]nn.Parameter, error) {
	g, err := p.Graph(1, p.Height, p.Width)
	if err != nil {
		return nil, err
	}
	trained := map[string]bool{}
	var all []nn.Parameter
	for _, q := range g.Parameters() {
		all = append(all, *q)
		trained[q.Name] = q.Trained
		if norm, ok := strings.CutSuffix(q.Name, "running_var"); ok && trained[norm+"weight"] {
			all = append(all, nn.Parameter{Name: norm + batchCounter})
		}
	}
	if p.MobileNet == nil { // else the order of the graph is the only one
		sortByRegistration(all)
	}
	return all, nil
}

func sortByRegistration(all []nn.Parameter) {
	rank := map[string]int{}
	for i, name := range registration() {
		rank[name] = i + 1
	}
	slices.SortFunc(all, func(a, b nn.Parameter) int {
		return slices.CompareFunc(strings.Split(a.Name, "."), strings.Split(b.Name, "."), func(x, y string) int {
			return cmp.Or(
				cmp.Compare(rank[x], rank[y]),
				cmp.Compare(number(x), number(y)),
				cmp.Compare(len(x), len(y)), // conv1_2 before conv1_10
				strings.Compare(x, y),
			)
		})
	})
}

// number is the index that a list's member has for a name, 0 for other names.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
