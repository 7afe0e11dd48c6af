package outlook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Prices are what droplets cost.
type Prices struct {
	Of    map[string]int // whole USD a month, by size
	AsOf  string         // YYYY-MM-DD, when they were looked up
	Owner string         // whose prices they are
}

// cost is a line about what the droplets cost a month after the update; "" if there are none. begin is what is before it.
func (o Outlook) cost(begin string) string {
	var sizes, had []string
	for _, h := range o.Hosts {
		sizes = append(sizes, h.Size)
	}
	for _, m := range o.Had {
		had = append(had, m.Size)
	}
	after, before := o.Prices.sum(sizes), o.Prices.sum(had)
	if after.droplets == 0 {
		return ""
	}
	text := begin + after.months()
	if before.droplets > 0 && !before.equal(after) {
		text += "; before, " + before.months()
	}
	if o.Prices.AsOf == "" {
		return text
	}
	return text + fmt.Sprintf(" (%s list prices of %s, without traffic, backups and taxes)", o.Prices.Owner, o.Prices.AsOf)
}

// sum is what droplets cost together.
type sum struct {
	droplets, usd int
	without       int      // droplets without a price
	unpriced      []string // their sizes, sorted
}

func (p Prices) sum(sizes []string) sum {
	var s sum
	missing := map[string]bool{}
	for _, size := range sizes {
		if size == "" {
			continue
		}
		s.droplets++
		price, known := p.Of[size]
		if !known {
			missing[size] = true
			s.without++
		}
		s.usd += price
	}
	s.unpriced = slices.Sorted(maps.Keys(missing))
	return s
}

func (s sum) equal(other sum) bool {
	return s.droplets == other.droplets && s.usd == other.usd && slices.Equal(s.unpriced, other.unpriced)
}

// months is a sentence about the sum.
func (s sum) months() string {
	sizes := strings.Join(s.unpriced, ", ")
	switch {
	case s.droplets == s.without:
		return fmt.Sprintf("%s: no price known (%s)", droplets(s.droplets), sizes)
	case s.without > 0:
		return fmt.Sprintf("%s: $%d a month and what %d of them cost, no price known (%s)", droplets(s.droplets), s.usd, s.without, sizes)
	}
	return fmt.Sprintf("%s: $%d a month", droplets(s.droplets), s.usd)
}

func droplets(n int) string {
	if n == 1 {
		return "1 droplet"
	}
	return fmt.Sprintf("%d droplets", n)
}
