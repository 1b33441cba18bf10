// Asks before a page with unsaved changes is left, whichever way.
import { onBeforeUnmount, onMounted, shallowRef } from "vue";
import { onBeforeRouteLeave, onBeforeRouteUpdate } from "vue-router";

/** `asking` is there while the answer is awaited: call it with whether to leave. */
export function useLeaveGuard(changed: () => boolean) {
  const asking = shallowRef<(leave: boolean) => void>();
  const guard = () => {
    if (!changed()) return true;
    return new Promise<boolean>((resolve) => {
      asking.value = (leave) => {
        asking.value = undefined;
        resolve(leave);
      };
    });
  };
  onBeforeRouteLeave(guard);
  onBeforeRouteUpdate((to, from) => (to.path === from.path && to.query.set === from.query.set ? true : guard()));
  const unload = (event: BeforeUnloadEvent) => {
    if (changed()) event.preventDefault();
  };
  onMounted(() => addEventListener("beforeunload", unload));
  onBeforeUnmount(() => removeEventListener("beforeunload", unload));
  return asking;
}
