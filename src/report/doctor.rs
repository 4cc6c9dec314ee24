//! What `doctor` found, for people and for machines.

use std::fmt::Write;

use serde_json::{Value, json};

use super::text::{clean, style};
use crate::ops::doctor::Examination;
use crate::ops::lock::Holder;
use crate::plan::doctor::{Finding, Trouble};

/// A line about the engine, one about the lock if somebody holds it, and a paragraph a finding.
pub fn text(examination: &Examination, color: bool) -> String {
    let Examination {
        engine,
        version,
        project,
        holders,
        findings,
    } = examination;
    let mut text = format!(
        "engine   {} {} on {}, API {}, at {}\nproject  {project}\n",
        clean(&version.name),
        clean(&version.version),
        clean(&version.platform),
        engine.api,
        clean(&engine.address),
    );
    for holder in holders {
        let holder = holder.to_string();
        let _ = writeln!(text, "lock     held by {}", clean(&holder));
    }
    text.push('\n');
    for finding in findings {
        let Finding {
            trouble,
            name,
            problem,
            remedy,
            mend,
        } = finding;
        let head = format!("{} {}", trouble.subject(), clean(name));
        let head = style(color).yellow().apply_to(head);
        let _ = writeln!(text, "{head}: {}", clean(problem));
        let by = if is_mended(*trouble, mend.is_empty()) {
            "--fix: it "
        } else {
            ""
        };
        let help = style(color).cyan().apply_to("help:");
        let _ = writeln!(text, "  {help} {by}{}", clean(remedy));
    }
    if findings.is_empty() {
        text.push_str("nothing to mend\n");
    }
    text
}

fn is_mended(trouble: Trouble, empty: bool) -> bool {
    !empty || trouble == Trouble::StaleLock
}

/// The same as one object.
pub fn json(examination: &Examination) -> Value {
    let Examination {
        engine,
        version,
        project,
        holders,
        findings,
    } = examination;
    let holder = |holder: &Holder| {
        json!({
            "pid": holder.pid,
            "host": holder.host,
            "command": holder.command,
            "since": holder.since,
        })
    };
    let finding = |finding: &Finding| {
        json!({
            "kind": finding.trouble.word(),
            "name": finding.name,
            "problem": finding.problem,
            "remedy": finding.remedy,
            "mendable": is_mended(finding.trouble, finding.mend.is_empty()),
        })
    };
    json!({
        "engine": {
            "name": version.name,
            "version": version.version,
            "platform": version.platform,
            "api": engine.api.to_string(),
            "address": engine.address,
        },
        "project": project,
        "lock": holders.iter().map(holder).collect::<Vec<_>>(),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
