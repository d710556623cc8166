package runtime

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// maxReason is the maximum length in bytes of a log line in a status line.
const maxReason = 400

// logTo makes Kubernetes log to w, in its default format. Where Kubernetes would end the process by itself, ended is
// called instead with the reason; it must not return.
func logTo(w io.Writer, verbosity int, ended func(why string)) error {
	words := &lastWords{to: w}
	klog.OsExit = func(int) { ended(words.reason()) }
	var level klog.Level
	if err := level.Set(fmt.Sprint(verbosity)); err != nil {
		return err
	}
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(words), textlogger.Verbosity(verbosity)))
	klog.SetLoggerWithOptions(logger, klog.ContextualLogger(true),
		klog.WriteKlogBuffer(logger.GetSink().(textlogger.KlogBufferWriter).WriteKlogBuffer))
	return nil
}

// lastWords is a writer that passes log lines on and remembers the last one that can be the reason of an exit: klog
// writes each line in one call, and it begins with its severity. If there is no fatal line, it is the last error before
// the exit.
type lastWords struct {
	to   io.Writer
	mu   sync.Mutex
	line string
}

func (l *lastWords) Write(line []byte) (int, error) {
	if len(line) > 0 && (line[0] == 'F' || line[0] == 'E') {
		l.mu.Lock()
		if line[0] == 'F' || !strings.HasPrefix(l.line, "F") {
			l.line = string(line[:min(len(line), maxReason)])
		}
		l.mu.Unlock()
	}
	return l.to.Write(line)
}

// reason returns the line without klog's header (severity, time, thread, place) and without the lines after it, such as
// a stack.
func (l *lastWords) reason() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, _, _ := strings.Cut(l.line, "\n")
	if _, text, found := strings.Cut(line, "] "); found {
		line = text
	}
	if line == "" {
		return "ended without an error message, see the log"
	}
	return line
}
