// The tools: notes of whoever the token is of. A tool says which scope it needs.

import { z } from "zod";

const notes = new Map();

const TOOLS = {
  list_notes: {
    scope: "notes:read",
    about: { description: "Lists your notes", inputSchema: {} },
    run: (subject) => (notes.get(subject) ?? []).join("\n") || "No notes yet.",
  },
  add_note: {
    scope: "notes:write",
    about: { description: "Adds a note", inputSchema: { text: z.string().min(1).max(1000) } },
    run: (subject, { text }) => {
      notes.set(subject, [...(notes.get(subject) ?? []), text].slice(-100));
      return "Added.";
    },
  },
};

/** The scopes that the tools need which a message calls; it may be several messages. */
export function scopesOf(message) {
  const calls = [message].flat().filter((one) => one?.method === "tools/call");
  return calls.map((call) => TOOLS[call.params?.name]?.scope).filter(Boolean);
}

/** Gives a server the tools, for somebody. */
export function addTools(server, subject) {
  for (const [name, tool] of Object.entries(TOOLS)) {
    server.registerTool(name, tool.about, async (input) => ({
      content: [{ type: "text", text: tool.run(subject, input) }],
    }));
  }
}
