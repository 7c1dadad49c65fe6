// The alternative to a plugin: a service that is asked over HTTP for the claims of a token, as people write one. It parses
// what it is asked, answers JSON, keeps connections open, and logs a line for each request, as services do that somebody
// operates.
import { createServer } from "node:http";

const plans = { web: "team" };

function log(request, status, began) {
  const ms = Math.round((performance.now() - began) * 1000) / 1000;
  const line = { time: new Date().toISOString(), level: "info", method: request.method, url: request.url, status, ms };
  process.stdout.write(JSON.stringify(line) + "\n");
}

function answer(request, response, status, document, began) {
  const body = JSON.stringify(document);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
  log(request, status, began);
}

createServer((request, response) => {
  const began = performance.now();
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    let asked;
    try {
      asked = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch {
      return answer(request, response, 400, { error: "not JSON" }, began);
    }
    const claims = asked.client in plans ? { plan: plans[asked.client] } : {};
    answer(request, response, 200, { issue: { id_token: claims, access_token: claims } }, began);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
