//! What passing time does: mutes end, silent streams are forgotten, alarms of an earlier life find theirs.

use super::{Core, Emit, LiveStream};
use crate::serve::operator::RaisedAlarm;

impl Core {
    /// Looks at the time: mutes end, and streams that have sent nothing for long are forgotten.
    pub(in crate::serve) fn tick(&mut self, now_ns: i64, emit: Emit<'_>) {
        self.await_remembered(now_ns);
        self.operator.is_changed |= self.operator.mutes.forget_past(now_ns);
        let oldest_ns = now_ns.saturating_sub(self.plan.expire_ns);
        let expired = self.streams.iter().filter(|(_, stream)| stream.newest_ns() < oldest_ns);
        let expired: Vec<String> = expired.map(|(name, _)| name.clone()).collect();
        for name in expired {
            self.expire(&name, emit);
        }
    }

    /// Alarms that an earlier life has left raised: from now on their streams are awaited, so that they
    /// can be acknowledged, and end where the stream does not come. What no model and no rule asks for
    /// any more is forgotten as late as a silent stream.
    fn await_remembered(&mut self, now_ns: i64) {
        let began_ns = *self.began_ns.get_or_insert(now_ns);
        let about = |raised: &RaisedAlarm| (raised.stream.clone(), raised.model.clone());
        let awaited: Vec<_> = self.operator.remembered.iter().map(about).collect();
        for (name, model_name) in awaited {
            let has_room = self.has_room(&name).is_ok();
            let (mut answering, models, streams) = self.parts();
            let Some(model) = models.get(&model_name).filter(|_| has_room) else { continue };
            match streams.get_mut(&name) {
                Some(stream) => _ = stream.watch(&name, (&model_name, model), &mut answering),
                None => {
                    let mut stream = LiveStream::awaited(now_ns);
                    if stream.watch(&name, (&model_name, model), &mut answering) {
                        streams.insert(name, stream);
                    }
                }
            }
        }
        if now_ns.saturating_sub(began_ns) < self.plan.expire_ns {
            return;
        }
        for RaisedAlarm { stream, model, alarm, .. } in self.operator.remembered.drain() {
            self.operator.is_changed = true;
            tracing::warn!(
                stream,
                model,
                alarm,
                "an alarm that was raised before the restart is forgotten: nothing watches it any more"
            );
        }
    }

    fn expire(&mut self, name: &str, emit: Emit<'_>) {
        let Some(mut stream) = self.streams.remove(name) else { return };
        let (mut answering, models, _) = self.parts();
        let reason = "the stream has sent nothing for long";
        for (model_name, model) in models {
            stream.finish(name, (model_name, model), &mut answering, emit);
            stream.leave(name, (model_name, model), reason, &mut answering, emit);
        }
        self.counts.expired_streams += 1;
        self.counts.gone_samples += stream.samples();
        for (reason, count) in stream.drops() {
            *self.counts.gone_drops.entry(reason).or_default() += count;
        }
    }
}
