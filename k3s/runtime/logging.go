package runtime

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// maxReason is how many bytes of a log line go into a status line.
const maxReason = 400

// logTo makes Kubernetes log to w, in the format it has by default. Kubernetes ends the process by itself in places;
// ended is called instead, with the line that says why, and must not return.
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

// lastWords hands log lines on and keeps the last one that can be the reason of an end: klog calls it once for each line,
// which begins with its severity. Where there is no fatal line, an error was told before an exit code was chosen.
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

// reason is the line without klog's header (severity, time, thread, place) and without what follows it, as stacks do.
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
