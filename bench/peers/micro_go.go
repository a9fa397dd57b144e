// What Go's goroutines cost, as micro_greenhub measures greenhub's greenthreads:
//
//	micro_go yield               runtime.Gosched between two goroutines
//	micro_go spawn_join          go, run, finish, and wait for it
//	micro_go queue_round_trip    there and back over two channels
//	micro_go sleepers N          what N sleeping goroutines occupy
//
// Run with one processor: run.py pins it to one core, and Go then makes
// GOMAXPROCS 1 by itself. Prints a line of JSON as figures.h does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	repetitions = 7
	switches    = 2000000
	spawns      = 500000
	roundTrips  = 500000
)

type figure struct {
	Name        string  `json:"name"`
	Unit        string  `json:"unit"`
	Best        float64 `json:"best"`
	Median      float64 `json:"median"`
	Worst       float64 `json:"worst"`
	Repetitions int     `json:"repetitions"`
}

func newFigure(name, unit string, values ...float64) figure {
	sort.Float64s(values)
	return figure{name, unit, values[0], values[len(values)/2],
		values[len(values)-1], len(values)}
}

func show(benchmark string, figures ...figure) {
	line, _ := json.Marshal(map[string]interface{}{
		"benchmark": benchmark, "figures": figures})
	fmt.Println(string(line))
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}

func measure(name string, count int, run func()) {
	values := make([]float64, repetitions)
	for i := range values {
		began := time.Now()
		run()
		values[i] = float64(time.Since(began).Nanoseconds()) / float64(count)
	}
	show(name, newFigure(name, "ns", values...))
}

func yields() {
	var both sync.WaitGroup
	both.Add(2)
	for i := 0; i < 2; i++ {
		go func() {
			for i := 0; i < switches/2; i++ {
				runtime.Gosched()
			}
			both.Done()
		}()
	}
	both.Wait()
}

func spawnsAndJoins() {
	runs := 0
	for i := 0; i < spawns; i++ {
		var one sync.WaitGroup
		one.Add(1)
		go func() {
			runs++
			one.Done()
		}()
		one.Wait()
	}
	if runs != spawns {
		fail("not every goroutine ran")
	}
}

func queueRoundTrips() {
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value + 1
		}
		close(back)
	}()
	for i := 0; i < roundTrips; i++ {
		there <- i
		if <-back != i+1 {
			fail("a wrong value came back")
		}
	}
	close(there)
	<-back
}

// A line of /proc/self/status that is in kB, in bytes.
func statusBytes(key string) float64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		fail(err.Error())
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) > 1 && words[0] == key+":" {
			value, _ := strconv.ParseFloat(words[1], 64)
			return value * 1024
		}
	}
	fail("/proc/self/status lacks " + key)
	return 0
}

var asleep, woken int64

func sleepers(n int64) {
	// Long enough that the first still sleeps when the last has begun to.
	hold := time.Second + 15*time.Microsecond*time.Duration(n)
	resident, tables := statusBytes("VmRSS"), statusBytes("VmPTE")
	began := time.Now()
	for i := int64(0); i < n; i++ {
		go func() {
			atomic.AddInt64(&asleep, 1)
			time.Sleep(hold)
			atomic.AddInt64(&woken, 1)
		}()
	}
	spawned := time.Now()
	for atomic.LoadInt64(&asleep) < n {
		runtime.Gosched()
	}
	settled := time.Now()
	resident = statusBytes("VmRSS") - resident
	tables = statusBytes("VmPTE") - tables
	if atomic.LoadInt64(&woken) > 0 {
		fail("some woke before all were asleep: this machine is too slow")
	}
	for limit := settled.Add(2 * hold); atomic.LoadInt64(&woken) < n; {
		if time.Now().After(limit) {
			fail(fmt.Sprintf("only %d of %d woke", atomic.LoadInt64(&woken), n))
		}
		time.Sleep(10 * time.Millisecond)
	}
	each := float64(n)
	show("sleepers",
		newFigure("resident", "B", resident/each),
		newFigure("page_tables", "B", tables/each),
		newFigure("spawn", "ns", float64(spawned.Sub(began))/each),
		newFigure("run_and_sleep", "ns", float64(settled.Sub(spawned))/each),
		newFigure("woken", "", float64(woken)))
}

func main() {
	what := strings.Join(os.Args[1:], " ")
	switch {
	case what == "yield":
		measure(what, switches, yields)
	case what == "spawn_join":
		measure(what, spawns, spawnsAndJoins)
	case what == "queue_round_trip":
		measure(what, roundTrips, queueRoundTrips)
	case len(os.Args) == 3 && os.Args[1] == "sleepers":
		n, err := strconv.ParseInt(os.Args[2], 10, 64)
		if err != nil || n <= 0 {
			fail("sleepers wants a number")
		}
		sleepers(n)
	default:
		fail("usage: micro_go yield | spawn_join | queue_round_trip | " +
			"sleepers N")
	}
}
