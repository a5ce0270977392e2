package node

// syncDir does nothing: Windows makes names durable with the files, and cannot
// sync a directory.
func syncDir(string) error { return nil }
