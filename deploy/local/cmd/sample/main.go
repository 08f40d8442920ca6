// Command sample is the program of the sample application: one image for all of its processes.
//
//	sample [web]                                serves HTTP/1.1 and gRPC (h2c) on $PORT
//	sample worker                               logs a line now and then until it is told to end
//	sample job [--sleep D] [--memory N] [--print T] [--exit N]  runs once
//	sample sql STATEMENT...                     runs once, in the PostgreSQL of $DATABASE_URL
//
// Over HTTP it does on demand what real programs do by accident: it fails its probes, exits with
// a code, sleeps and burns CPU; and it fetches a URL, to show what a pod reaches.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

var version = os.Getenv("VERSION")

func main() {
	log.SetFlags(0)
	command, arguments := "web", os.Args[1:]
	if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
		command, arguments = arguments[0], arguments[1:]
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	switch command {
	case "web":
		web(ctx)
	case "worker":
		worker(ctx)
	case "job":
		os.Exit(job(ctx, arguments))
	case "sql":
		if err := execute(ctx, arguments); err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatalf("unknown command %q: use web, worker, job or sql", command)
	}
}

func worker(ctx context.Context) {
	log.Printf("worker %s started", version)
	for count := 1; ; count++ {
		select {
		case <-ctx.Done():
			log.Printf("worker %s ended", version)
			return
		case <-time.After(10 * time.Second):
			log.Printf("worker %s did %d pieces of work", version, count)
		}
	}
}

func job(ctx context.Context, arguments []string) int {
	flags := flag.NewFlagSet("job", flag.ExitOnError)
	sleep := flags.Duration("sleep", 0, "how long to run")
	text := flags.String("print", "done", "what to print at the end")
	code := flags.Int("exit", 0, "exit code")
	memory := flags.Int("memory", 0, "MiB of memory to use")
	_ = flags.Parse(arguments)
	used := bytes.Repeat([]byte{1}, *memory<<20)
	defer runtime.KeepAlive(used)
	select {
	case <-ctx.Done():
		return 143
	case <-time.After(*sleep):
	}
	fmt.Println(*text)
	return *code
}

// failures remembers until when each probe is to fail.
type failures struct {
	mutex sync.Mutex
	until map[string]time.Time
}

func (f *failures) fail(probe string, during time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.until[probe] = time.Now().Add(during)
}

func (f *failures) answer(probe string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		f.mutex.Lock()
		failing := time.Now().Before(f.until[probe])
		f.mutex.Unlock()
		if failing {
			http.Error(w, probe+" fails because it was asked to", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

func web(ctx context.Context) {
	probes := &failures{until: map[string]time.Time{}}
	for _, probe := range []string{"readiness", "liveness", "startup"} {
		if os.Getenv("NEVER_"+strings.ToUpper(probe)) != "" {
			probes.fail(probe, 24*time.Hour)
		}
	}
	mux := http.NewServeMux()
	hostname, _ := os.Hostname()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello from %s, version %s, over %s\n", hostname, version, r.Proto)
	})
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, version)
	})
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		all := os.Environ()
		sort.Strings(all)
		fmt.Fprintln(w, strings.Join(all, "\n"))
	})
	mux.HandleFunc("/readyz", probes.answer("readiness"))
	mux.HandleFunc("/healthz", probes.answer("liveness"))
	mux.HandleFunc("/startupz", probes.answer("startup"))
	mux.HandleFunc("/fail", func(w http.ResponseWriter, r *http.Request) {
		during, err := time.ParseDuration(r.FormValue("for"))
		if err != nil {
			during = time.Minute
		}
		probes.fail(r.FormValue("probe"), during)
		fmt.Fprintf(w, "%s fails for %s\n", r.FormValue("probe"), during)
	})
	mux.HandleFunc("/exit", func(_ http.ResponseWriter, r *http.Request) {
		os.Exit(number(r, "code"))
	})
	mux.HandleFunc("/sleep", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
		fmt.Fprintln(w, "slept")
	})
	mux.HandleFunc("/fetch", func(w http.ResponseWriter, r *http.Request) {
		// Every request gets a connection of its own, so that a Service spreads them.
		fresh := &http.Transport{DisableKeepAlives: true}
		client := http.Client{Timeout: 5 * time.Second, Transport: fresh}
		answer, err := client.Get(r.FormValue("url"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	})
	mux.HandleFunc("/events", events)
	mux.Handle("/echo", websocket.Server{Handler: func(c *websocket.Conn) { _, _ = io.Copy(c, c) }})
	if os.Getenv("DATABASE_URL") != "" {
		mux.HandleFunc("/query", query())
	}
	mux.HandleFunc("/burn", func(w http.ResponseWriter, r *http.Request) {
		end := time.Now().Add(time.Duration(number(r, "ms")) * time.Millisecond)
		rounds := 0
		for ; time.Now().Before(end); rounds++ {
		}
		fmt.Fprintln(w, "burnt", rounds)
	})
	serve(ctx, mux)
}

// events sends the version ten times a second, as server-sent events, until the client leaves.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		fmt.Fprintf(w, "data: %s\n\n", version)
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func number(r *http.Request, name string) int {
	value, _ := strconv.Atoi(r.FormValue(name))
	return value
}

// serve answers HTTP/1.1, HTTP/2 without TLS, and gRPC, all on one port.
func serve(ctx context.Context, mux *http.ServeMux) {
	services := grpc.NewServer()
	healthpb.RegisterHealthServer(services, health.NewServer())
	services.RegisterService(&echo, nil)
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Addr:      ":" + port,
		Protocols: protocols,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
				services.ServeHTTP(w, r)
				return
			}
			mux.ServeHTTP(w, r)
		}),
	}
	go func() {
		<-ctx.Done()
		// What has begun is finished; nothing new is taken.
		patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(patience)
	}()
	log.Printf("version %s serves on port %s", version, port)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	log.Printf("version %s ended", version)
}

// echo is the service `process_operator.sample.Echo`: Say returns what it was told, after the
// version, and Talk does so again and again, as long as somebody tells it something. Its messages
// are the well-known StringValue, so that no client needs generated code.
var echo = grpc.ServiceDesc{
	ServiceName: "process_operator.sample.Echo",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Say", Handler: say}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Talk", Handler: talk, ServerStreams: true, ClientStreams: true},
	},
}

func say(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	said := new(wrapperspb.StringValue)
	if err := decode(said); err != nil {
		return nil, err
	}
	return answer(said), nil
}

func talk(_ any, stream grpc.ServerStream) error {
	for {
		said := new(wrapperspb.StringValue)
		if err := stream.RecvMsg(said); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(answer(said)); err != nil {
			return err
		}
	}
}

func answer(said *wrapperspb.StringValue) *wrapperspb.StringValue {
	return wrapperspb.String(version + ": " + said.Value)
}
