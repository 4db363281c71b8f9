"""Exercises an agent with the official Python SDK's client, unmodified, and prints what it saw as one line of JSON.

Reads from standard input: where the agent is, whose key to show, which binding and protocol version, what to say.
test/e2e/interop.test.ts holds it against a gateway; test/interop/go does the same with Go's SDK.
"""

import asyncio
import json
import ssl
import sys
import uuid
from importlib.metadata import version as version_of

import httpx
from a2a.client import A2ACardResolver, AuthInterceptor, ClientConfig, ClientFactory, CredentialService
from a2a.client.client import ClientCallContext
from a2a.types import a2a_pb2 as a2a


class OneKey(CredentialService):
    """The caller's key, whichever scheme of the card asks for it."""

    def __init__(self, key):
        self.key = key

    async def get_credentials(self, security_scheme_name, context):
        return self.key


def state_of(task):
    return a2a.TaskState.Name(task.status.state)


def text_of(task):
    return "\n".join(part.text for artifact in task.artifacts for part in artifact.parts if part.text)


def message(word, **fields):
    """`word` is a text, and for agents that act on it the beginning of the message's id."""
    return a2a.Message(
        message_id=f"{word.get('messageId', 'm')}-{uuid.uuid4()}",
        role=a2a.Role.ROLE_USER,
        parts=[a2a.Part(text=word["text"], media_type="text/plain")],
        **fields,
    )


def http_client(ask):
    tls = {"verify": ssl.create_default_context(cafile=ask["ca"])} if ask.get("ca") else {}
    # the proxies of the environment are not for loopback
    return httpx.AsyncClient(trust_env=False, timeout=30, **tls)


def grpc_channel(ask):
    import grpc

    if not ask.get("ca"):
        return grpc.aio.insecure_channel
    with open(ask["ca"], "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    return lambda url: grpc.aio.secure_channel(url, credentials)


class Exercise:
    def __init__(self, ask):
        self.ask = ask
        self.seen = {"sdk": f"a2a-sdk {version_of('a2a-sdk')}", "binding": ask["binding"], "version": ask["version"]}
        # asked for explicitly, because a call context of the interceptor's own would forget the time limit
        self.context = lambda: ClientCallContext(timeout=30)

    async def step(self, name, work):
        try:
            self.seen[name] = await work
        except Exception as error:  # noqa: BLE001 what went wrong is part of what was seen
            self.seen[name] = {"error": type(error).__name__, "message": str(error)[:300]}
        return self.seen[name]

    async def fetch_card(self, headers):
        async with http_client(self.ask) as http:
            # the protocol version of the card is asked for, as a client of that version does
            named = {"A2A-Version": self.ask["version"], **headers}
            return await A2ACardResolver(http, self.ask["agent"]).get_agent_card(http_kwargs={"headers": named})

    def client(self, card, streaming):
        binding = self.ask["binding"]
        # of a card for several versions the SDK takes the interface of the newest
        faces = [face for face in card.supported_interfaces if face.protocol_version.startswith(self.ask["version"])]
        chosen = a2a.AgentCard()
        chosen.CopyFrom(card)
        del chosen.supported_interfaces[:]
        chosen.supported_interfaces.extend(faces)
        config = ClientConfig(
            streaming=streaming,
            httpx_client=http_client(self.ask),
            supported_protocol_bindings=[binding],
            grpc_channel_factory=grpc_channel(self.ask) if binding == "GRPC" else None,
        )
        return ClientFactory(config).create(chosen, [AuthInterceptor(OneKey(self.ask["key"]))])

    async def run(self):
        ask = self.ask
        bearer = {"Authorization": f"Bearer {ask['key']}"}
        await self.step("publicCard", self.name_of(self.fetch_card({})))
        card = await self.fetch_card(bearer)
        self.seen["card"] = {
            "name": card.name,
            "interfaces": [
                [face.protocol_binding, face.protocol_version, face.url, face.tenant]
                for face in card.supported_interfaces
            ],
        }
        async with self.client(card, False) as unary, self.client(card, True) as streaming:
            sent = {"task": "", "context": "", **await self.step("send", self.send(unary, ask["quick"]))}
            await self.step("stream", self.stream(streaming, ask["quick"]))
            await self.step("secondTurn", self.second_turn(unary, sent))
            await self.step("get", self.get(unary, sent))
            await self.step("list", self.list(unary, sent))
            background = await self.step("background", self.send(unary, ask["slow"], return_immediately=True))
            slow = {"task": "none", **background}
            await self.step("push", self.push(unary, slow))
            await self.step("subscribe", self.subscribe(streaming, slow))
            await self.step("unknownTask", unary.get_task(a2a.GetTaskRequest(id="no-such-task"), context=self.context()))
            if ask.get("asking"):
                await self.step("askedBack", self.asked_back(unary))
            await self.step("extendedCard", self.extended(unary))
        print(json.dumps(self.seen))

    async def name_of(self, fetching):
        return {"name": (await fetching).name}

    async def extended(self, client):
        card = await client.get_extended_agent_card(a2a.GetExtendedAgentCardRequest(), context=self.context())
        return {"name": card.name, "skills": [skill.id for skill in card.skills]}

    async def send(self, client, word, return_immediately=False, **fields):
        request = a2a.SendMessageRequest(
            message=message(word, **fields),
            configuration=a2a.SendMessageConfiguration(return_immediately=return_immediately),
        )
        async for event in client.send_message(request, context=self.context()):
            task = event.task
            return {"task": task.id, "context": task.context_id, "state": state_of(task), "text": text_of(task)}

    async def stream(self, client, word):
        request = a2a.SendMessageRequest(message=message(word))
        return await self.read(client.send_message(request, context=self.context()))

    async def read(self, events, on_first=None):
        kinds, states = [], []
        async for event in events:
            kind = event.WhichOneof("payload")
            kinds.append(kind)
            if kind in ("task", "status_update"):
                states.append(state_of(getattr(event, kind)))
            if on_first is not None and len(kinds) == 1:
                await on_first()
        return {"kinds": kinds, "last": states[-1] if states else None}

    async def second_turn(self, client, sent):
        turn = await self.send(client, self.ask["quick"], context_id=sent["context"])
        return {"sameContext": turn["context"] == sent["context"], "sameTask": turn["task"] == sent["task"]}

    async def asked_back(self, client):
        asked = await self.send(client, self.ask["asking"])
        answered = await self.send(client, self.ask["quick"], task_id=asked["task"], context_id=asked["context"])
        return {"states": [asked["state"], answered["state"]], "sameTask": asked["task"] == answered["task"]}

    async def get(self, client, sent):
        task = await client.get_task(a2a.GetTaskRequest(id=sent["task"], history_length=1), context=self.context())
        return {"same": task.id == sent["task"], "state": state_of(task), "text": text_of(task)}

    async def list(self, client, sent):
        request = a2a.ListTasksRequest(context_id=sent["context"], page_size=10, include_artifacts=True)
        page = await client.list_tasks(request, context=self.context())
        return {"has": sent["task"] in [task.id for task in page.tasks], "total": page.total_size}

    async def push(self, client, slow):
        """Create, get, list, delete, delete again."""
        request = a2a.TaskPushNotificationConfig(task_id=slow["task"], id="hook", url=self.ask["pushUrl"], token="t")
        named = {"task_id": slow["task"], "id": "hook"}
        steps = {
            "create": lambda: client.create_task_push_notification_config(request, context=self.context()),
            "get": lambda: client.get_task_push_notification_config(
                a2a.GetTaskPushNotificationConfigRequest(**named), context=self.context()
            ),
            "list": lambda: client.list_task_push_notification_configs(
                a2a.ListTaskPushNotificationConfigsRequest(task_id=slow["task"]), context=self.context()
            ),
            "delete": lambda: client.delete_task_push_notification_config(
                a2a.DeleteTaskPushNotificationConfigRequest(**named), context=self.context()
            ),
        }
        seen = {}
        for name, call in steps.items():
            try:
                answer = await call()
                seen[name] = answer.url if name in ("create", "get") else len(answer.configs) if name == "list" else True
            except Exception as error:  # noqa: BLE001
                seen[name] = {"error": type(error).__name__, "message": str(error)[:300]}
        return seen

    async def subscribe(self, client, slow):
        """Cancels the task once the subscription has shown it, and reads to the end."""
        request = a2a.SubscribeToTaskRequest(id=slow["task"])

        async def cancel():
            call = client.cancel_task(a2a.CancelTaskRequest(id=slow["task"]), context=self.context())
            await self.step("cancel", self.state(call))

        return await self.read(client.subscribe(request, context=self.context()), cancel)

    async def state(self, call):
        return {"state": state_of(await call)}


asyncio.run(Exercise(json.load(sys.stdin)).run())
