package settings

import "slices"

// Stay leaves members of groups where they are, whatever happens to the list of their group's regions: another region would be another
// droplet. had is where each host's droplet is, by the host's name. Members that have none yet, or whose region is not in the list any
// more, go where their group has the fewest.
func (s *Settings) Stay(had map[string]string) {
	counts := map[string]map[string]int{}
	count := func(h Host) map[string]int {
		if counts[h.Group] == nil {
			counts[h.Group] = map[string]int{}
		}
		return counts[h.Group]
	}
	var rest []*Host
	for i := range s.Targets {
		h := &s.Targets[i]
		switch {
		case h.Group == "":
		case slices.Contains(h.Regions, had[h.Name]):
			h.Region = had[h.Name]
			count(*h)[h.Region]++
		default:
			rest = append(rest, h)
		}
	}
	for _, h := range rest {
		members := count(*h)
		h.Region = slices.MinFunc(h.Regions, func(a, b string) int { return members[a] - members[b] }) // of equals the first
		members[h.Region]++
	}
}
