// One figure. Streamlit sends a component's code again with every change of its data, so the code that draws comes apart and once
// (app/components/figure_drawing); until it is there, the newest data wait.
export default function ({ data, parentElement }) {
  const receive = () => {
    if (parentElement.host.isConnected) (parentElement.figure ??= new shelf.Figure(parentElement)).receive(parentElement.newest);
  };
  const waits = !parentElement.newest;
  parentElement.newest = data;
  if (shelf.Figure) receive();
  else if (waits) shelf.addEventListener("figure", receive, { once: true });
  return () => {
    parentElement.figure?.close();
    delete parentElement.figure;
  };
}
