// Exercises an agent with the official Go SDK's client, unmodified, and prints what it saw as one line of JSON.
//
// Reads from standard input: where the agent is, whose key to show, which binding and protocol version, what to say.
// test/e2e/interop.test.ts holds it against a gateway; test/interop/python does the same with Python's SDK.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2aclient/agentcard"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"
	grpcv0 "github.com/a2aproject/a2a-go/v2/a2agrpc/v0"
	grpcv1 "github.com/a2aproject/a2a-go/v2/a2agrpc/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// word is a text, and for agents that act on it the beginning of the message's id.
type word struct{ Text, MessageID string }

type ask struct {
	Agent, Key, Binding, Version, CA, PushURL string
	Quick, Slow                               word
	Asking                                    *word
}

type seen map[string]any

func main() {
	var asked ask
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	found, err := exercise(ctx, asked)
	if err != nil {
		fail(err)
	}
	line, err := json.Marshal(found)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func exercise(ctx context.Context, asked ask) (seen, error) {
	all := seen{"sdk": sdkVersion(), "binding": asked.Binding, "version": asked.Version}
	web, err := httpClient(asked)
	if err != nil {
		return nil, err
	}
	all["plainCard"] = nameOf(agentcard.NewResolver(web).Resolve(ctx, asked.Agent))
	all["publicCard"] = nameOf(fetchCard(ctx, web, asked, ""))
	card, err := fetchCard(ctx, web, asked, asked.Key)
	if err != nil {
		return nil, err
	}
	interfaces := [][]string{}
	for _, face := range card.SupportedInterfaces {
		interfaces = append(interfaces, []string{string(face.ProtocolBinding), string(face.ProtocolVersion), face.URL, face.Tenant})
	}
	all["card"] = seen{"name": card.Name, "interfaces": interfaces}
	client, err := connect(ctx, web, asked, card)
	if err != nil {
		return nil, err
	}
	defer client.Destroy()
	ctx = a2aclient.AttachSessionID(ctx, "exercise")

	sent, result := send(ctx, client, &a2a.SendMessageRequest{Message: say(asked.Quick)})
	all["send"] = result
	all["stream"] = read(client.SendStreamingMessage(ctx, &a2a.SendMessageRequest{Message: say(asked.Quick)}), nil)
	all["secondTurn"] = secondTurn(ctx, client, asked, sent)
	one := 1
	all["get"] = get(client.GetTask(ctx, &a2a.GetTaskRequest{ID: sent.ID, HistoryLength: &one}))(sent)
	all["list"] = list(client.ListTasks(ctx, &a2a.ListTasksRequest{ContextID: sent.ContextID, PageSize: 10, IncludeArtifacts: true}))(sent)
	slow, result := send(ctx, client, &a2a.SendMessageRequest{
		Message: say(asked.Slow),
		Config:  &a2a.SendMessageConfig{ReturnImmediately: true},
	})
	all["background"] = result
	all["push"] = push(ctx, client, asked, slow)
	all["subscribe"] = read(client.SubscribeToTask(ctx, &a2a.SubscribeToTaskRequest{ID: slow.ID}), func() {
		task, err := client.CancelTask(ctx, &a2a.CancelTaskRequest{ID: slow.ID})
		all["cancel"] = orError(err, func() any { return seen{"state": task.Status.State.String()} })
	})
	_, err = client.GetTask(ctx, &a2a.GetTaskRequest{ID: "no-such-task"})
	all["unknownTask"] = orError(err, func() any { return "found" })
	if asked.Asking != nil {
		all["askedBack"] = askedBack(ctx, client, asked)
	}
	extended, err := client.GetExtendedAgentCard(ctx, &a2a.GetExtendedAgentCardRequest{})
	all["extendedCard"] = orError(err, func() any {
		skills := []string{}
		for _, skill := range extended.Skills {
			skills = append(skills, skill.ID)
		}
		return seen{"name": extended.Name, "skills": skills}
	})
	return all, nil
}

func sdkVersion() string {
	const path = "github.com/a2aproject/a2a-go/v2"
	info, _ := debug.ReadBuildInfo()
	at := slices.IndexFunc(info.Deps, func(dep *debug.Module) bool { return dep.Path == path })
	return "a2a-go " + info.Deps[at].Version
}

func httpClient(asked ask) (*http.Client, error) {
	// no proxy of the environment: everything here is on loopback
	transport := &http.Transport{ForceAttemptHTTP2: true}
	if asked.CA != "" {
		roots, err := rootsOf(asked.CA)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: transport}, nil
}

func rootsOf(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return roots, nil
}

func fetchCard(ctx context.Context, web *http.Client, asked ask, key string) (*a2a.AgentCard, error) {
	resolver := agentcard.NewResolver(web)
	parse := agentcard.DefaultCardParser
	if asked.Version == "0.3" {
		parse = a2av0.NewAgentCardParser()
	}
	resolver.CardParser = func(body []byte) (*a2a.AgentCard, error) {
		bare, err := withBareScopes(body)
		if err != nil {
			return nil, err
		}
		return parse(bare)
	}
	options := []agentcard.ResolveOption{agentcard.WithRequestHeader("A2A-Version", asked.Version)}
	if key != "" {
		options = append(options, agentcard.WithRequestHeader("Authorization", "Bearer "+key))
	}
	return resolver.Resolve(ctx, asked.Agent, options...)
}

// withBareScopes makes a card readable to the SDK, which expects the scopes of a security requirement as a bare list and
// fails on the {"list": []} of ProtoJSON (a2aproject/a2a-go issue 430).
func withBareScopes(body []byte) ([]byte, error) {
	var card map[string]any
	if err := json.Unmarshal(body, &card); err != nil {
		return nil, err
	}
	bareScopes(card)
	skills, _ := card["skills"].([]any)
	for _, skill := range skills {
		bareScopes(skill)
	}
	return json.Marshal(card)
}

func bareScopes(holder any) {
	members, _ := holder.(map[string]any)
	requirements, _ := members["securityRequirements"].([]any)
	for _, requirement := range requirements {
		each, _ := requirement.(map[string]any)
		schemes, _ := each["schemes"].(map[string]any)
		for name, scopes := range schemes {
			wrapped, _ := scopes.(map[string]any)
			schemes[name] = wrapped["list"]
		}
	}
}

// connect puts the client together as the SDK's documentation shows, with the one transport that is asked for.
func connect(ctx context.Context, web *http.Client, asked ask, card *a2a.AgentCard) (*a2aclient.Client, error) {
	keys := a2aclient.NewInMemoryCredentialsStore()
	for name := range card.SecuritySchemes {
		keys.Set("exercise", name, a2aclient.AuthCredential(asked.Key))
	}
	secure := insecure.NewCredentials()
	if asked.CA != "" {
		roots, err := rootsOf(asked.CA)
		if err != nil {
			return nil, err
		}
		secure = credentials.NewClientTLSFromCert(roots, "")
	}
	dial := []grpc.DialOption{grpc.WithTransportCredentials(secure), grpc.WithNoProxy()}
	transports := map[string]a2aclient.FactoryOption{
		"JSONRPC 1.0":   a2aclient.WithJSONRPCTransport(web),
		"HTTP+JSON 1.0": a2aclient.WithRESTTransport(web),
		"GRPC 1.0":      grpcv1.WithGRPCTransport(dial...),
		"JSONRPC 0.3":   a2av0.WithJSONRPCTransport(a2av0.JSONRPCTransportConfig{Client: web}),
		"HTTP+JSON 0.3": a2av0.WithRESTTransport(a2av0.RESTTransportConfig{Client: web}),
		"GRPC 0.3":      grpcv0.WithGRPCTransport(dial...),
	}
	return a2aclient.NewFromCard(ctx, card,
		a2aclient.WithDefaultsDisabled(),
		transports[asked.Binding+" "+asked.Version],
		a2aclient.WithCallInterceptors(&a2aclient.AuthInterceptor{Service: keys}),
	)
}

func say(what word) *a2a.Message {
	message := a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(what.Text))
	if what.MessageID != "" {
		message.ID = what.MessageID + "-" + message.ID
	}
	return message
}

func send(ctx context.Context, client *a2aclient.Client, request *a2a.SendMessageRequest) (*a2a.Task, any) {
	answer, err := client.SendMessage(ctx, request)
	task, _ := answer.(*a2a.Task)
	if task == nil {
		task = &a2a.Task{}
	}
	return task, orError(err, func() any {
		return seen{"task": task.ID, "context": task.ContextID, "state": task.Status.State.String(), "text": textOf(task)}
	})
}

func secondTurn(ctx context.Context, client *a2aclient.Client, asked ask, sent *a2a.Task) any {
	message := say(asked.Quick)
	message.ContextID = sent.ContextID
	turn, result := send(ctx, client, &a2a.SendMessageRequest{Message: message})
	if turn.ID == "" {
		return result
	}
	return seen{"sameContext": turn.ContextID == sent.ContextID, "sameTask": turn.ID == sent.ID}
}

func askedBack(ctx context.Context, client *a2aclient.Client, asked ask) any {
	first, result := send(ctx, client, &a2a.SendMessageRequest{Message: say(*asked.Asking)})
	if first.ID == "" {
		return result
	}
	message := say(asked.Quick)
	message.TaskID, message.ContextID = first.ID, first.ContextID
	second, result := send(ctx, client, &a2a.SendMessageRequest{Message: message})
	if second.ID == "" {
		return result
	}
	states := []string{first.Status.State.String(), second.Status.State.String()}
	return seen{"states": states, "sameTask": first.ID == second.ID}
}

func get(task *a2a.Task, err error) func(*a2a.Task) any {
	return func(sent *a2a.Task) any {
		return orError(err, func() any {
			return seen{"same": task.ID == sent.ID, "state": task.Status.State.String(), "text": textOf(task)}
		})
	}
}

func list(page *a2a.ListTasksResponse, err error) func(*a2a.Task) any {
	return func(sent *a2a.Task) any {
		return orError(err, func() any {
			has := slices.ContainsFunc(page.Tasks, func(task *a2a.Task) bool { return task.ID == sent.ID })
			return seen{"has": has, "total": page.TotalSize}
		})
	}
}

func push(ctx context.Context, client *a2aclient.Client, asked ask, slow *a2a.Task) any {
	all := seen{}
	created, err := client.CreateTaskPushConfig(ctx, &a2a.PushConfig{TaskID: slow.ID, ID: "hook", URL: asked.PushURL, Token: "t"})
	all["create"] = orError(err, func() any { return created.URL })
	got, err := client.GetTaskPushConfig(ctx, &a2a.GetTaskPushConfigRequest{TaskID: slow.ID, ID: "hook"})
	all["get"] = orError(err, func() any { return got.URL })
	listed, err := client.ListTaskPushConfigs(ctx, &a2a.ListTaskPushConfigRequest{TaskID: slow.ID})
	all["list"] = orError(err, func() any { return len(listed) })
	err = client.DeleteTaskPushConfig(ctx, &a2a.DeleteTaskPushConfigRequest{TaskID: slow.ID, ID: "hook"})
	all["delete"] = orError(err, func() any { return true })
	return all
}

// read takes a stream to its end; onFirst is called once it has shown something.
func read(events iter.Seq2[a2a.Event, error], onFirst func()) any {
	kinds := []string{}
	var last any
	for event, err := range events {
		if err != nil {
			return orError(err, nil)
		}
		kind := fmt.Sprintf("%T", event)
		switch event := event.(type) {
		case *a2a.Task:
			kind, last = "task", event.Status.State.String()
		case *a2a.TaskStatusUpdateEvent:
			kind, last = "status_update", event.Status.State.String()
		case *a2a.TaskArtifactUpdateEvent:
			kind = "artifact_update"
		}
		kinds = append(kinds, kind)
		if onFirst != nil && len(kinds) == 1 {
			onFirst()
		}
	}
	return seen{"kinds": kinds, "last": last}
}

func nameOf(card *a2a.AgentCard, err error) any {
	return orError(err, func() any { return seen{"name": card.Name} })
}

func textOf(task *a2a.Task) string {
	texts := []string{}
	for _, artifact := range task.Artifacts {
		for _, part := range artifact.Parts {
			if text := part.Text(); text != "" {
				texts = append(texts, text)
			}
		}
	}
	return strings.Join(texts, "\n")
}

// orError names the SDK's own error where there is one.
func orError(err error, value func() any) any {
	if err == nil {
		return value()
	}
	name := fmt.Sprintf("%T", err)
	var status *agentcard.ErrStatusNotOK
	if errors.As(err, &status) {
		name = "ErrStatusNotOK"
	}
	for known, sentinel := range map[string]error{
		"ErrTaskNotFound":              a2a.ErrTaskNotFound,
		"ErrUnsupportedOperation":      a2a.ErrUnsupportedOperation,
		"ErrExtendedCardNotConfigured": a2a.ErrExtendedCardNotConfigured,
		"ErrInvalidParams":             a2a.ErrInvalidParams,
		"ErrInvalidRequest":            a2a.ErrInvalidRequest,
		"ErrServerError":               a2a.ErrServerError,
		"ErrInternalError":             a2a.ErrInternalError,
		"ErrUnauthenticated":           a2a.ErrUnauthenticated,
		"ErrUnauthorized":              a2a.ErrUnauthorized,
		"ErrVersionNotSupported":       a2a.ErrVersionNotSupported,
		"ErrParseError":                a2a.ErrParseError,
	} {
		if errors.Is(err, sentinel) {
			name = known
		}
	}
	text := err.Error()
	return seen{"error": name, "message": text[:min(len(text), 300)]}
}
