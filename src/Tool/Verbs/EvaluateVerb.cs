using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Marrow.Language;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Terminal;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow evaluate</c>: perplexity, or the share of problems that a model solves.</summary>
internal sealed class EvaluateVerb : Verb
{
    private const string Perplexity = "perplexity";

    // How a solution is judged by the reference.
    private static readonly Dictionary<string, Func<string, string, bool>?> Metrics = new()
    {
        [Perplexity] = null,
        ["gsm8k"] = FinalAnswer.IsGsm8kSolved,
        ["math"] = FinalAnswer.IsMathSolved,
        ["exact-match"] = (solution, reference) => solution.Trim() == reference.Trim(),
    };

    private static readonly JsonSerializerOptions Readable = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly ModelOptions model = new();

    private readonly Option<string[]> data = new("--data")
    {
        Description = "Texts: JSON, JSON lines or Parquet with instructions or conversations, or .txt for perplexity.",
        HelpName = "files",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> metric = Choice.Of(
        "--metric",
        "What is measured; perplexity, that of the learned tokens, if not given.",
        Metrics.Keys.ToDictionary(name => name));

    private readonly TextOptions text = new();

    private readonly Option<int?> stride = Choice.Count(
        "--stride", "Tokens from one piece of plain text to the next; the context if not given.");

    private readonly Option<int?> limit = Choice.Count("--limit", "The most texts; all if not given.");

    private readonly Option<int?> batch = Choice.Count("--batch", "Texts at once; 8 if not given.");

    private readonly Option<int?> tokens = Choice.Count(
        "--max-tokens", "The most tokens of an answer; 512 if not given.");

    private readonly Option<string?> answers = new("--answers")
    {
        Description = "A file for the answers, as JSON lines.",
        HelpName = "file",
    };

    public EvaluateVerb()
        : base(
            "evaluate",
            "Measures a model, with an adapter if one is named: perplexity, GSM8K, MATH, or exact match.",
            "marrow evaluate ./SmolLM2-135M --adapter runs/math/adapter --data test.jsonl --metric gsm8k --limit 200")
    {
        model.AddTo(this);
        Add(data);
        Add(metric);
        text.AddTo(this);
        foreach (var option in (Option[])[stride, limit, batch, tokens, answers])
        {
            Add(option);
        }
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        var name = call.Get(metric) ?? Perplexity;
        Check(call, name);
        using var from = model.Open(call);
        if (Metrics[name] is { } judge)
        {
            Solve(call, from, name, judge);
        }
        else
        {
            Measure(call, from);
        }
    }

    private void Check(Invocation call, string name)
    {
        var (foreign, kind) = name == Perplexity
            ? ((Option[])[tokens, answers], TextFiles.KindOf(call.Get(data)!))
            : ([stride], TextFiles.KindOf(call.Get(data)!));
        if (foreign.FirstOrDefault(call.Has) is { } option)
        {
            throw new ToolException($"{option.Name} means nothing to --metric {name}; leave it out.");
        }

        if (name != Perplexity && kind != TextFileKind.Instructions)
        {
            throw new ToolException($"--metric {name} needs instructions with responses, as GSM8K and MATH have them.");
        }

        if (call.Get(answers) is { } file)
        {
            OutputFolder.RequireWritableFile(file);
        }
    }

    private void Measure(Invocation call, BaseModel from)
    {
        var files = TextFiles.Open(from, call.Get(data)!, new()
        {
            Template = text.Template(call, from),
            Context = text.Context(call, from),
            Stride = call.Get(stride),
            Share = 0,
        });
        var texts = files.Texts.Training.Take(call.Get(limit) ?? int.MaxValue).ToList();
        using var loaded = model.Load(call, from);
        var size = call.Get(batch) ?? 8;
        var loss = call.Screen.Track("perplexity", (texts.Count + size - 1) / size, report => TextLoss.Of(
            loaded, texts, size, (done, _) => report(done, "measuring"), call.Stop));
        var tokens = texts.Sum(text => text.Learned.Skip(1).LongCount(learned => learned));
        call.Print(
            new { Metric = Perplexity, Perplexity = Math.Exp(loss), Loss = loss, Tokens = tokens, Texts = texts.Count },
            (result, screen) => screen.Facts(
                ("perplexity", Text($"{result.Perplexity:F4}")),
                ("loss", Text($"{result.Loss:F4} nats per token")),
                ("tokens", Amounts.Exact(result.Tokens)),
                ("texts", Amounts.Exact(result.Texts))));
    }

    private void Solve(Invocation call, BaseModel from, string name, Func<string, string, bool> judge)
    {
        var encoder = from.Encoder(text.Template(call, from));
        var problems = call.Get(data)!.SelectMany(InstructionFile.Read)
            .Take(call.Get(limit) ?? int.MaxValue)
            .ToList();
        using var loaded = model.Load(call, from);
        var solved = call.Screen.Track(name, problems.Count, report =>
            new ProblemSolving(loaded, encoder, judge).Solve(
                problems,
                call.Get(tokens) ?? 512,
                call.Get(batch) ?? 8,
                (done, right) => report(done, Text($"{right} solved")),
                call.Stop));
        if (call.Get(answers) is { } file)
        {
            AtomicFile.WriteText(file, string.Concat(solved.Select(one => JsonSerializer.Serialize(
                new
                {
                    question = one.Problem.Question,
                    reference = one.Problem.Response,
                    answer = one.Solution,
                    solved = one.IsSolved,
                },
                Readable) + "\n")));
        }

        var right = solved.Count(problem => problem.IsSolved);
        call.Print(
            new
            {
                Metric = name,
                Accuracy = (double)right / Math.Max(1, solved.Count),
                Solved = right,
                Problems = solved.Count,
            },
            (result, screen) => screen.Facts(
                (name, Text($"{100 * result.Accuracy:F2} %")),
                ("solved", $"{Amounts.Exact(right)} of {Amounts.Exact(solved.Count)}"
                    + (solved.Count < problems.Count
                        ? $", stopped before the other {problems.Count - solved.Count}"
                        : ""))));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
