package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
)

// boardInputs are the resolved board and the release that stand in release.json.
func (k *Kit) boardInputs(b boards.Board) ([]graph.Input, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return []graph.Input{
		{Name: "boards/" + b.Name, Value: hex.EncodeToString(sum[:])},
		{Name: "version", Value: k.Release.Version},
		{Name: "commit", Value: k.Release.Commit},
		{Name: "kubernetes", Value: k.Release.Kubernetes},
	}, nil
}

// Modules are those of ours that a board needs. All of them are made of init/kernel.
func Modules(b boards.Board) (list []Module) {
	for _, name := range b.SlotChains().Modules() {
		list = append(list, Module{Name: name, Source: "init/kernel"})
	}
	return list
}
