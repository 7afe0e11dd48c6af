package record

// Short registers resources with a short call stack. Pulumi's state holds the call stack of each resource's registration: 2.5 KB with a
// path of this machine a line, which is more than most of our resources need for what they are.
func Short(register func() error) error {
	registered := make(chan error)
	go func() { registered <- register() }()
	return <-registered
}
