// The alternative to a plugin: a service that is asked over HTTP for the claims of a token.
import { createServer } from "node:http";

const plans = { web: "team" };

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { client } = JSON.parse(Buffer.concat(chunks));
    const claims = client in plans ? { plan: plans[client] } : {};
    const body = JSON.stringify({ issue: { id_token: claims, access_token: claims } });
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
