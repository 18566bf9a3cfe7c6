/** Server-sent events out of a byte stream (HTML Living Standard, section 9.2). Pure. */

export interface ServerEvent {
  id: string | null;
  event: string;
  data: string;
}

/** Takes text in pieces of any size and yields whole events; comments and unknown fields are passed over. */
export class EventParser {
  private rest = "";
  private id: string | null = null;
  private event = "";
  private data: string[] = [];
  private afterReturn = false;

  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    let input = this.rest + text;
    if (this.afterReturn && input.startsWith("\n")) input = input.slice(1);
    if (input) this.afterReturn = false;
    let start = 0;
    const ends = /[\r\n]/g;
    for (let found = ends.exec(input); found; found = ends.exec(input)) {
      const at = found.index;
      this.line(input.slice(start, at), events);
      start = at + 1;
      if (input[at] === "\r") {
        if (input[start] === "\n") start += 1;
        else if (start === input.length) this.afterReturn = true;
      }
      ends.lastIndex = start;
    }
    this.rest = input.slice(start);
    return events;
  }

  private line(line: string, events: ServerEvent[]): void {
    if (line === "") {
      if (this.data.length) events.push({ id: this.id, event: this.event || "message", data: this.data.join("\n") });
      this.event = "";
      this.data = [];
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
  }
}
