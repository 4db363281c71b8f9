// The calculator agent: each line of a message is an expression; its steps are told as they come and every answer
// is an artifact. `slow N` counts to N, one step a second, and can be cancelled and subscribed to.
// It never evaluates anything in this thread and never reaches the network.

import { setTimeout as pause } from 'node:timers/promises'
import type { AgentCard } from '@a2a-js/sdk'
import { cardFor } from './card.ts'
import type { Calculation, Evaluator } from './evaluator.ts'
import { maxExpressionLength } from './vet-expression.ts'
import type { Work } from './running-tasks.ts'
import { dataPart, textOf, textPart, type TaskReport } from './task-report.ts'

const maxLines = 50
const maxCount = 600
const slowRequest = /^\s*slow\s*[:\s]\s*(\d{1,6})\s*$/i

export function calculatorCard(url: string): AgentCard {
  return cardFor({
    name: 'calculator',
    description: 'Exact arithmetic, units and statistics. One expression per line.',
    url,
    skills: [
      {
        id: 'calculate',
        name: 'Calculate',
        description: 'Evaluates arithmetic exactly, and functions to 64 digits.',
        tags: ['arithmetic', 'mathematics'],
        examples: ['0.1 + 0.2', '(1/3 + 1/6) * 100!', 'sqrt(2)'],
      },
      {
        id: 'convert',
        name: 'Convert units',
        description: 'Converts between units of one kind.',
        tags: ['units', 'conversion'],
        examples: ['5 km to miles', '72 degF to degC'],
      },
      {
        id: 'statistics',
        name: 'Statistics',
        description: 'Mean, median, standard deviation, quantiles of a list.',
        tags: ['statistics'],
        examples: ['mean(1, 2, 3, 4)', 'std([2, 4, 4, 4, 5, 5, 7, 9])', 'quantileSeq([1, 2, 3, 4], 0.25)'],
      },
      {
        id: 'slow',
        name: 'Count slowly',
        description: 'Counts to a number, one step a second; can be cancelled.',
        tags: ['long-running'],
        examples: ['slow 20'],
      },
    ],
  })
}

export function calculatorWork(evaluator: Evaluator, slowStepMs: number): Work {
  return async (context, report, signal) => {
    const text = textOf(context.userMessage)
    const count = slowRequest.exec(text)?.[1]
    if (count !== undefined) return countSlowly(Number(count), slowStepMs, report, signal)
    const lines = text.split(/\r?\n/).flatMap((line) => (line.trim() === '' ? [] : [line.trim()]))
    if (lines.length === 0) return report.rejected('send an expression as text, for example: 2 + 2')
    if (lines.length > maxLines) return report.rejected(`send at most ${maxLines} expressions at a time`)
    await calculateLines(lines, evaluator, report, signal)
  }
}

async function calculateLines(
  lines: readonly string[],
  evaluator: Evaluator,
  report: TaskReport,
  signal: AbortSignal,
): Promise<void> {
  const answers: string[] = []
  const problems: string[] = []
  for (const [index, line] of lines.entries()) {
    const label = lines.length === 1 ? '' : `line ${index + 1}: `
    report.working(`${label}reading ${excerpt(line)}`)
    const outcome = await evaluator.evaluate(line)
    if (signal.aborted) return
    if (outcome.kind === 'failed') {
      problems.push(`${label}${outcome.problem}`)
      continue
    }
    for (const step of outcome.steps) report.working(`${label}${step.expression} = ${step.value}`)
    answers.push(describe(line, outcome))
    report.artifact(`result ${index + 1}`, [
      textPart(describe(line, outcome)),
      dataPart({ expression: line, value: outcome.value, exact: outcome.exact }),
    ])
  }
  if (problems.length > 0) report.failed(problems.join('\n'))
  else report.completed(excerpt(answers.join('\n'), 4 * maxExpressionLength))
}

async function countSlowly(count: number, stepMs: number, report: TaskReport, signal: AbortSignal): Promise<void> {
  if (count < 1 || count > maxCount) return report.rejected(`slow counts to a number from 1 to ${maxCount}`)
  for (let step = 1; step <= count; step++) {
    report.working(`step ${step} of ${count}`)
    await pause(stepMs, undefined, { signal })
  }
  report.artifact('result 1', [textPart(`counted to ${count}`), dataPart({ counted: count })])
  report.completed(`counted to ${count}`)
}

function describe(expression: string, { value, approximation }: Calculation): string {
  return `${expression} = ${value}${approximation === '' ? '' : ` ≈ ${approximation}`}`
}

function excerpt(text: string, length = 120): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
