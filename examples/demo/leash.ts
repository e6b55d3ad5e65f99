// Loaded into the demo's children: who was killed cannot end them, so they look for themselves whether the demo still lives.
const parent = process.ppid;
const timer = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(timer);
  process.kill(process.pid, 'SIGTERM');
  // A second signal ends at once what the first one could not.
  setTimeout(() => process.kill(process.pid, 'SIGTERM'), 5_000).unref();
}, 250);
timer.unref();
