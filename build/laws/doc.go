// Package laws holds the architecture of proa as tests: who may import whom, and why, and how large a thing may grow.
//
// It contains no code that runs anywhere else. A law is changed here, in the open, with its reason; it is not loosened to make a build pass.
package laws
