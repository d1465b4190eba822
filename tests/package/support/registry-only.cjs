// @ts-nocheck: Node's own signatures of `connect` are too many
// Preloaded into npm and all that it starts: connections to other hosts than ALLOWED_HOSTS fail as they do where a host
// cannot be reached, and are written to REFUSED_HOSTS.
const { appendFileSync } = require("node:fs");
const { Socket } = require("node:net");

const allowed = (process.env.ALLOWED_HOSTS ?? "").split(",");
const connect = Socket.prototype.connect;

Socket.prototype.connect = function (...args) {
  const [first, second] = args.flat();
  const options = typeof first === "object" ? first : { port: first, host: second };
  const host = options.host ?? "localhost";
  if (typeof options.path === "string" || allowed.includes(host)) return connect.apply(this, args);
  appendFileSync(process.env.REFUSED_HOSTS, `${host}\n`);
  const error = Object.assign(new Error(`connect ENETUNREACH ${host}`), { code: "ENETUNREACH" });
  process.nextTick(() => this.destroy(error));
  return this;
};
