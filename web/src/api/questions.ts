/** What servers ask while somebody logs in, as the viewer sends it. */

/** What a server asks while somebody logs in: its own words, which are never ours. */
export interface Question {
  id: string;
  connection_id: string;
  /** Which server asks. */
  hop: string;
  name: string;
  instructions: string;
  prompts: { text: string; echo: boolean }[];
  /** ISO 8601, in UTC. */
  expires_at: string;
}
