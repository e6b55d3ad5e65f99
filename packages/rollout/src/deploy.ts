import { hostname } from 'node:os';
import { cancelled, createReport, type Finding, type Ports, type Report, ZakenakError } from '@zakenak/core';
import { planMoved } from './errors.ts';
import {
  type Journal,
  type JournalPlace,
  readJournal,
  removeJournal,
  writeHead,
  writeJournal,
} from './journal.ts';
import { canonicalJson } from './json.ts';
import { judgePlan } from './judge-plan.ts';
import { createKinds } from './kinds.ts';
import { createLimiter } from './limiter.ts';
import { acquireLock, type Lock } from './lock.ts';
import { createObserver } from './observer.ts';
import { comparePlans, isNoop, type Plan } from './plan.ts';
import { type PreparedRollout, prepareRollout } from './plan-rollout.ts';
import type { RunContext } from './release-run.ts';
import { deployReport, failureFindings, planSection } from './report-deploy.ts';
import type { DeployRequest, RolloutRequest } from './request.ts';
import { type RollbackResult, rollBack } from './rollback.ts';
import { journalOf, type RunResult, runPlan } from './run-plan.ts';
