/** The places: what the dot of each tells, by what is known of its sessions, its connection and its questions. */

import type { Question } from "../../api/questions";
import type { Session } from "../../api/remote-types";
import { placeState, sessionState, type PlaceState } from "../../pure/places";
import { sameTarget, type Target } from "../../pure/target";
import { questions } from "./questions";
import { sessionsOf, status } from "./status";

/** The question of a login there, its own or one of a hop on the way, that waits for an answer. */
export const questionOf = (target: Target): Question | undefined => questions.value.find((one) => sameTarget(one.connection_id, target));

export function stateOf(target: Target): PlaceState {
  const connected = status.value?.connections.some((one) => one.connected && sameTarget(one.key, target)) ?? false;
  return placeState(sessionsOf(target), questionOf(target) !== undefined, connected);
}

export const stateOfSession = (session: Session, target: Target): PlaceState => sessionState(session, questionOf(target) !== undefined);
