package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
)

// Judge gives a model's figures on one part of a configuration's data, all of
// it, in the way in which validation does: on the test part, figures that no
// choice made during training has seen.
func Judge(ctx context.Context, c Config, m *network.Model, part dataset.Part, o Options) ([]Figures, error) {
	items, err := dataset.ReadAll(c.Data.Folder, c.Sources)
	if err != nil {
		return nil, err
	}
	st, err := dataset.Load(ctx, dataset.Select(items, part), c.Sources, 0, max(c.Data.Workers, 2))
	if err != nil {
		return nil, err
	}
	keepUseful(st, m.Plan)
	if len(st.Pictures) == 0 {
		return nil, errors.New("no picture of the " + part.String() + " part has an answer to compare with")
	}
	c.Validate.Limit = 0
	figures, _, err := newValidator(m.Plan, c, o, st).judge(ctx, m.Weights, nil)
	if err != nil {
		return nil, fmt.Errorf("judging on the %v part: %w", part, err)
	}
	return figures, nil
}
