// Package zstream is the form "zstd-1" of a file: one zstd frame whose bytes depend on nothing but the content, so that a
// device that has the content can make the file. The initramfs has it. Encoder and decoder together stay below 8 MiB, and
// therefore frames with a larger window than Window are refused.
package zstream

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Form is the name of the form in a release. An encoder that gives other bytes gets another one, because devices make
// the file from its content: testdata/zstd-1.golden holds the library to it.
const Form = "zstd-1"

// Magic begins every frame of zstd.
const Magic = "\x28\xb5\x2f\xfd"

// Window is how far back a match may lie. Of an initramfs of 25.6 MB, that of the board pc, the level "better" makes
// 7.78 MB with 512 KiB, 7.75 MB with 1 MiB and 7.71 MB with 4 MiB, its encoder using 5.5, 6.0 and 9.0 MiB of memory. The
// level "default" makes 7.93 MB in 2.6 MiB. The kernel's unpacker takes windows up to 8 MiB.
const Window = 512 << 10

// NewWriter returns a writer that compresses into out. How the content is cut into writes does not matter. Close ends
// the frame, and does not close out.
func NewWriter(out io.Writer) (io.WriteCloser, error) {
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithWindowSize(Window), zstd.WithEncoderCRC(true),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderConcurrency(1)) // of several goroutines each would have an encoder
	if err != nil {
		return nil, fmt.Errorf("zstream: %w", err)
	}
	return z, nil
}

// NewReader returns the content of a file that NewWriter wrote. Closing it frees the decoder, and does not close in.
func NewReader(in io.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(Window))
	if err != nil {
		return nil, fmt.Errorf("zstream: %w", err)
	}
	return z.IOReadCloser(), nil
}
