// Command hello is the workload of the end-to-end tests: a server that answers with its name and logs each request;
// with a URL as argument, a client that prints one answer. With -write FILE or -read FILE it tests a volume; with -tell
// FILE and a URL it retries until there is an answer, writes that to FILE, and stays running.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"time"
)

func main() {
	write := flag.String("write", "", "append a line to `FILE` before serving")
	read := flag.String("read", "", "print `FILE` and exit")
	tell := flag.String("tell", "", "write the first answer to `FILE` and stay")
	flag.Parse()
	if *tell != "" {
		log.Fatal(tellOf(*tell, flag.Arg(0)))
	}
	if err := run(*write, *read, flag.Arg(0)); err != nil {
		log.Fatal(err)
	}
}

func run(write, read, url string) error {
	switch {
	case read != "":
		return show(read)
	case url != "":
		return get(url)
	case write != "":
		if err := appendLine(write); err != nil {
			return err
		}
	}
	name, _ := os.Hostname()
	log.Printf("serving as %s on :8080", name)
	return http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("request %s", r.URL.Path)
		fmt.Fprintf(w, "hello from %s\n", name)
	}))
}

func show(file string) error {
	data, err := os.ReadFile(file)
	if err == nil {
		_, err = os.Stdout.Write(data)
	}
	return err
}

func get(url string) error {
	answer, err := ask(url)
	if err == nil {
		_, err = os.Stdout.Write(answer)
	}
	return err
}

func ask(url string) ([]byte, error) {
	client := http.Client{Timeout: 20 * time.Second}
	r, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

func tellOf(file, url string) error {
	for {
		answer, err := ask(url)
		if err == nil {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			fmt.Fprintf(f, "<3>%s answered: %s", url, answer) // with the priority of an error, so that the console shows it (kmsg)
			time.Sleep(math.MaxInt64)                         // keep the pod running until it is deleted
		}
		log.Print(err)
		time.Sleep(time.Second)
	}
}

// appendLine fsyncs, because the test cuts the power right after the line was acknowledged.
func appendLine(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, "kept"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}
