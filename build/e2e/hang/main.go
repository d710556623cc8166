// Command hang is the init of a slot that must fail: it starts, feeds no watchdog, and sleeps forever.
package main

import (
	"fmt"
	"time"
)

func main() {
	fmt.Println("hang: this init does nothing")
	for {
		time.Sleep(time.Hour)
	}
}
