// Stored secrets and the keys that seal them, as an operator changes them: the same code behind the control socket and
// in a command that found no gateway. What is stored is recorded by name; no value goes into a record, an answer or a
// message. A rotation goes on in steps, so that calls and other commands come in between, and a kill costs a step.

import { join } from 'node:path'
import { countKeyFiles, resealKeyFolder } from '../base/key-file.ts'
import type { ReloadAnswer, RotationProgress, SecretChange, SecretMethods } from '../cli/ports.ts'
import { findStoredSecrets, isStatic, type Config, type LoadedConfig } from '../config/config.ts'
import { loadNamedKey } from './key-encryption-key.ts'
import type { State } from './state.ts'

export interface SecretMethodsOptions {
  /** undefined when only the data directory is known */
  readonly loaded: () => LoadedConfig | undefined
  readonly nowMs: () => number
  /** takes changed secrets up; undefined where nothing runs that could */
  readonly reload?: () => Promise<ReloadAnswer>
}

type SecretState = Pick<State, 'dataDir' | 'secrets' | 'dataKeys' | 'ledgerKey' | 'audit'>

/** after so long a step of a rotation ends */
const stepMs = 1_500

export function createSecretMethods(state: SecretState, options: SecretMethodsOptions): SecretMethods {
  const { secrets, audit } = state
  const usesOf = (name: string): readonly string[] => {
    const config: Config | undefined = options.loaded()?.config
    return config === undefined ? [] : (findStoredSecrets(config).get(name) ?? [])
  }
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work)
    turn = next.catch(() => undefined)
    return next
  }
  return {
    'secret.set': ({ name, value }) =>
      inTurn(async () => {
        const existed = secrets.list().some((each) => each.name === name)
        await audit.administered('secret.set', '', { name })
        await secrets.set(name, Buffer.from(value, 'base64'))
        const usedAt = usesOf(name)
        const taken = usedAt.length === 0 ? undefined : await options.reload?.()
        const [problem] = taken?.problems ?? []
        return {
          ...changeOf(existed, usedAt),
          ...(problem !== undefined && { notTakenUp: `${problem.path}: ${problem.message}` }),
        }
      }),
    'secret.list': () =>
      Promise.resolve(secrets.list().map(({ name, setAtMs }) => ({ name, setAtMs, usedAt: usesOf(name) }))),
    'secret.remove': ({ name }) =>
      inTurn(async () => {
        const existed = secrets.remove(name)
        if (existed) await audit.administered('secret.remove', '', { name })
        return changeOf(existed, usesOf(name))
      }),
    'secrets.rotate': (request) => inTurn(() => rotate(state, options, request)),
  }
}

function changeOf(existed: boolean, usedAt: readonly string[]): SecretChange {
  return { existed, usedAt, needRestart: usedAt.filter(isStatic) }
}

async function rotate(
  state: SecretState,
  { loaded, nowMs }: SecretMethodsOptions,
  { kek, goOn }: { readonly kek: string | null; readonly goOn: boolean },
): Promise<RotationProgress> {
  const { dataDir, dataKeys, secrets, audit } = state
  const folder = join(dataDir, 'keys')
  const progress = (rest: Pick<RotationProgress, 'finished' | 'kekId' | 'isNewKek'>): RotationProgress => {
    const [files, rows] = [countKeyFiles(folder, dataKeys), secrets.count()]
    return { total: files.total + rows.total, done: files.done + rows.done, ...rest }
  }
  const next = kek === null ? undefined : loadNamedKey(kek, dataDir, loaded())
  if (dataKeys.rotation === undefined) {
    if (goOn) return progress({ finished: true, kekId: dataKeys.kekId, isNewKek: next?.key.id === dataKeys.kekId })
    await audit.administered('secrets.rotate', '', { from: dataKeys.kekId, to: next?.key.id ?? dataKeys.kekId })
  }
  const isNewKek = next !== undefined && next.key.id !== dataKeys.kekId
  const { kekId, keyId } = await dataKeys.beginRotation(next, state.ledgerKey.bytes())
  const endMs = nowMs() + stepMs
  const isEnough = (): boolean => nowMs() >= endMs
  await resealKeyFolder(folder, dataKeys, isEnough)
  await secrets.reseal(isEnough)
  const reached = progress({ finished: false, kekId, isNewKek })
  if (reached.done < reached.total) return reached
  await dataKeys.finishRotation()
  await audit.administered('secrets.rotate.done', '', { to: kekId, dataKey: keyId, sealed: reached.total })
  return { ...reached, finished: true }
}
