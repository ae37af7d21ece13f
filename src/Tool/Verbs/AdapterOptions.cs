using System.CommandLine;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Scaffolding;

namespace Marrow.Tool.Verbs;

/// <summary>The options of verbs that are about adapters which do not exist yet.</summary>
internal sealed class AdapterOptions
{
    private readonly Option<string?> method = Choice.Of(
        "--method", "How it is to be fine-tuned.", AdapterMethod.All.Keys.ToDictionary(name => name));

    private readonly Option<int?> rank = Choice.Count("--rank", "The rank of LoRA and its kin; 8 if not given.");

    private readonly Option<int?> block = Choice.Count("--block-size", "The block size of Bone; 64 if not given.");

    private readonly Option<string?> targets = new("--targets")
    {
        Description = "Patterns of the layers that are adapted, joined by |; all linear ones but heads if not given.",
    };

    /// <summary>Adds them to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(method);
        verb.Add(rank);
        verb.Add(block);
        verb.Add(targets);
    }

    /// <summary>The method's name; null if none was given.</summary>
    public string? Method(Invocation call) => call.Get(method);

    /// <summary>The attributes of the method.</summary>
    /// <param name="call">What was typed.</param>
    /// <param name="standard">The method that holds if none is given.</param>
    /// <exception cref="ToolException">An option does not go with the method.</exception>
    public IReadOnlyList<Attribute> Attributes(Invocation call, string standard = "full")
    {
        var name = Method(call) ?? standard;
        if (AdapterMethod.All[name] is not { } create)
        {
            Refuse(call, name, rank, block, targets);
            return [];
        }

        var isBone = name.StartsWith("bone", StringComparison.Ordinal);
        Refuse(call, name, isBone ? rank : block);
        var attribute = create(
            call.Get(block) ?? AdapterMethod.StandardBlock, call.Get(rank) ?? AdapterMethod.StandardRank);
        if (call.Get(targets) is { } patterns)
        {
            attribute.GetType().GetProperty("Targets")!.SetValue(attribute, patterns);
        }

        return [attribute];
    }

    private static void Refuse(Invocation call, string method, params IEnumerable<Option> options)
    {
        if (options.FirstOrDefault(call.Has) is { } option)
        {
            throw new ToolException($"{option.Name} means nothing to the method {method}; leave it out.");
        }
    }
}
