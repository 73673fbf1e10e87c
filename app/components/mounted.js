// What an element shows is kept on the node that it is mounted on, so that new data renew it and nothing starts again.
const views = new WeakMap(); // where it is mounted → what it shows

// open(parent) makes a view with renew(data, setTriggerValue) and close, once for each node.
function mounted({ data, parentElement, setTriggerValue }, open) {
  let view = views.get(parentElement);
  if (!view) {
    view = open(parentElement);
    views.set(parentElement, view);
  }
  view.renew(data, setTriggerValue);
  return view.close;
}
