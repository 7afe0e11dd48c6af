package digitalocean

// PricesAsOf is the day on which Prices were compared with their sources, YYYY-MM-DD.
const PricesAsOf = "2026-11-28"

// Prices are what droplets cost, in whole USD a month, by size. They are for a look before an update and decide nothing; a size that is not
// here has no price known. Each is the same in at least two public lists of 2024 to 2026, and sizes whose lists differ are left out.
// DigitalOcean's own are https://www.digitalocean.com/pricing/droplets and `doctl compute size list`. Whoever changes one compares all, and
// changes PricesAsOf.
var Prices = map[string]int{
	"s-1vcpu-512mb-10gb": 4,
	"s-1vcpu-1gb":        6,
	"s-1vcpu-2gb":        12,
	"s-2vcpu-2gb":        18,
	"s-2vcpu-4gb":        24,
	"s-4vcpu-8gb":        48,
	"s-8vcpu-16gb":       96,
	"g-4vcpu-16gb":       126,
}
