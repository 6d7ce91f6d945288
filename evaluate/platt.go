package evaluate

import (
	"errors"
	"math"
)

// Logistic maps a probability x to 1 / (1 + exp(-(Intercept + Slope logit(x)))).
type Logistic struct {
	Slope     float64 `json:"slope"`
	Intercept float64 `json:"intercept"`
}

// leastProbability keeps logits finite.
const leastProbability = 1e-4

// Logit is ln(p / (1-p)), of p kept away from 0 and 1 by 1e-4.
func Logit(p float64) float64 {
	p = min(max(p, leastProbability), 1-leastProbability)
	return math.Log(p / (1 - p))
}

// At is the mapped probability.
func (l Logistic) At(x float64) float64 { return 1 / (1 + math.Exp(-(l.Intercept + l.Slope*Logit(x)))) }

// FitLogistic finds the curve of most likelihood for labels of 0 and 1, with the
// softened targets of Platt (Probabilistic Outputs for Support Vector Machines,
// 1999), so that it is finite for separable data. It needs both labels.
func FitLogistic(probabilities []float64, labels []int) (Logistic, error) {
	positives := 0
	for _, y := range labels {
		positives += y
	}
	negatives := len(labels) - positives
	if len(labels) != len(probabilities) || positives == 0 || negatives == 0 {
		return Logistic{}, errors.New("a calibration needs a label for each probability, and both labels")
	}
	high, low := (float64(positives)+1)/(float64(positives)+2), 1/(float64(negatives)+2)
	l := Logistic{Slope: 1}
	for range 100 { // Newton's steps; a dozen are enough
		var ga, gb, haa, hab, hbb float64
		for i, p := range probabilities {
			x, target := Logit(p), low
			if labels[i] == 1 {
				target = high
			}
			q := l.At(p)
			w := q * (1 - q)
			ga += (q - target) * x
			gb += q - target
			haa += w * x * x
			hab += w * x
			hbb += w
		}
		const ridge = 1e-9
		haa, hbb = haa+ridge, hbb+ridge
		det := haa*hbb - hab*hab
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		// Short steps: far from the answer a whole one may overshoot.
		scale := 1 / math.Max(1, math.Hypot(da, db))
		l.Slope, l.Intercept = l.Slope-scale*da, l.Intercept-scale*db
		if math.Hypot(da, db) < 1e-10 {
			break
		}
	}
	return l, nil
}

// Reliability says how far probabilities can be believed.
type Reliability struct {
	N         int     `json:"n"`
	Positives int     `json:"positives"`
	Brier     float64 `json:"brier"`
	LogLoss   float64 `json:"log_loss"`
	ECE       float64 `json:"ece"` // mean distance of the bins, weighed by their size
	Bins      []Bin   `json:"bins"`
}

// Bin is what happened where so much was said.
type Bin struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	N        int     `json:"n"`
	Said     float64 `json:"said"`     // mean probability
	Happened float64 `json:"happened"` // share of positives
}

// ReliabilityOf compares probabilities with labels of 0 and 1 in bins of equal
// width; bins without any are left out.
func ReliabilityOf(probabilities []float64, labels []int, bins int) Reliability {
	r := Reliability{N: len(labels)}
	all := make([]Bin, bins)
	for i, p := range probabilities {
		y := float64(labels[i])
		r.Positives += labels[i]
		r.Brier += (p - y) * (p - y)
		kept := min(max(p, leastProbability), 1-leastProbability)
		r.LogLoss -= y*math.Log(kept) + (1-y)*math.Log(1-kept)
		b := &all[min(bins-1, int(p*float64(bins)))]
		b.N++
		b.Said += p
		b.Happened += y
	}
	for i, b := range all {
		if b.N == 0 {
			continue
		}
		n := float64(b.N)
		r.ECE += math.Abs(b.Said - b.Happened)
		r.Bins = append(r.Bins, Bin{float64(i) / float64(bins), float64(i+1) / float64(bins), b.N, b.Said / n, b.Happened / n})
	}
	if n := float64(r.N); n > 0 {
		r.Brier, r.LogLoss, r.ECE = r.Brier/n, r.LogLoss/n, r.ECE/n
	}
	return r
}
