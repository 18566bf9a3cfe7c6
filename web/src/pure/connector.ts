/** What carries a connection, in words. Pure. */

/** Return what is told of it beside other things: nothing where it is the usual one, Paramiko. */
export const byWhat = (connector: string | null | undefined): string => (connector === "ssh" ? "by your ssh" : "");

/** Return the sentence that tells it in any case, null where it is not known. reason: why it is ssh. */
export function connectorSentence(connector: string | null | undefined, reason?: string | null): string | null {
  if (connector === "ssh") return reason ? `Connected by your ssh: ${reason}.` : "Connected by your ssh.";
  return connector === "paramiko" ? "Connected by Paramiko." : null;
}
