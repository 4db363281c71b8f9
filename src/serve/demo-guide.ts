// What the demonstration prints: where things are and six commands to paste, in order, each with what it shows.

export interface GuideFacts {
  readonly gateway: string
  readonly admin: string
  readonly dataDir: string
  readonly agents: readonly { readonly name: string; readonly url: string }[]
  readonly callers: { readonly alice: { readonly key: string }; readonly bob: { readonly key: string } }
  readonly adminToken: string
}

export interface GuideManner {
  readonly file: string
  readonly color: boolean
  readonly command: string
  /** the folder that stays behind; undefined for one that is removed */
  readonly keptIn: string | undefined
}

export function renderGuide(facts: GuideFacts, how: GuideManner): string {
  const paint = (code: string, text: string): string => (how.color ? `\u001b[${code}m${text}\u001b[0m` : text)
  const place = (name: string, value: string): string => `  ${name.padEnd(13)}${value}`
  const step = ({ title, command, shows }: Step, at: number): string =>
    [paint('1', `${at + 1}. ${title}`), command, paint('2', `   ${shows}`), ''].join('\n')
  return [
    paint('1;32', 'Sallyport is running. Agents are behind it; nobody reaches them without a name and a right.'),
    '',
    place('gateway', facts.gateway),
    place('admin', `${facts.admin}  (/healthz /readyz /metrics, the admin API below /api/v1)`),
    ...facts.agents.map((agent) => place(agent.name, agent.url)),
    place('config', how.file),
    place('data', facts.dataDir),
    place('alice', facts.callers.alice.key),
    place('bob', facts.callers.bob.key),
    place('admin token', `${facts.adminToken}  (role admin; see docs/admin-api.md)`),
    '',
    'Paste these into another terminal in this folder, one by one:',
    '',
    ...stepsFor(facts, how).map(step),
    how.keptIn === undefined ? 'Ctrl-C ends it and removes its data.' : `Ctrl-C ends it and keeps ${how.keptIn}.`,
    '',
  ].join('\n')
}

interface Step {
  readonly title: string
  readonly command: string
  readonly shows: string
}

function stepsFor(facts: GuideFacts, how: { file: string; command: string }): readonly Step[] {
  const { command, file } = how
  const agent = `${facts.gateway}/agents/calculator`
  const send = (method: string, text: string): string =>
    `'{"jsonrpc":"2.0","id":1,"method":"${method}","params":{"message":{"messageId":"m-'$RANDOM'","role":"ROLE_USER","parts":[{"text":"${text}"}]}}}'`
  const curl = (key: string, body: string, flags = '-sS'): string =>
    `curl ${flags} ${agent} -H 'A2A-Version: 1.0' -H 'Content-Type: application/json'${key === '' ? '' : ` -H ${key}`} -d ${body}`
  const carol = '"Authorization: Bearer $CAROL"'
  const bob = `'Authorization: Bearer ${facts.callers.bob.key}'`
  const getTask = `'{"jsonrpc":"2.0","id":2,"method":"GetTask","params":{"id":"'"$TASK"'"}}'`
  return [
    {
      title: 'A call without a credential is denied',
      command: `${curl('', send('SendMessage', '6 * 7'))}; echo`,
      shows: 'code -32040, HTTP 401: the agent never saw it',
    },
    {
      title: 'Add a key, and a binding that lets it use the agents',
      command: `CAROL=$(${command} key create carol --config ${file}) && ${command} policy bind user key:carol --config ${file}`,
      shows: 'the running gateway takes both up at once',
    },
    {
      title: 'The same call is allowed',
      command: `TASK=$(${curl(carol, send('SendMessage', '6 * 7'))} | tee /dev/stderr | sed -n 's/.*"task":{"id":"\\([^"]*\\)".*/\\1/p'); echo; echo "task: $TASK"`,
      shows: 'the calculator answers 42 in a task that now belongs to carol',
    },
    {
      title: 'A stream flows, event by event',
      command: curl(carol, send('SendStreamingMessage', 'slow 3'), '-sSN'),
      shows: "one event a second; Ctrl-C would abort the agent's work",
    },
    {
      title: "Bob asks for carol's task",
      command: `${curl(bob, getTask)}; echo`,
      shows: '"Task not found", exactly as for a task that never was',
    },
    {
      title: 'Verify the ledger',
      command: `${command} audit verify --data-dir ${facts.dataDir}`,
      shows: 'every call above is in it, refusals too; change one byte of it and try again',
    },
  ]
}
