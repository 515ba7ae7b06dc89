"""Programs of other projects that the tests of the stage `tools` run: built from the Go module proxy, once."""
