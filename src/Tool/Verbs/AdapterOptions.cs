using System.CommandLine;
using Marrow.Language;
using Marrow.Tool.CommandLine;

namespace Marrow.Tool.Verbs;

/// <summary>The options of verbs that are about adapters which do not exist yet.</summary>
internal sealed class AdapterOptions
{
    private static readonly AdapterSize Standard = new();

    private readonly Option<string?> method = Choice.Of(
        "--method", "How it is to be fine-tuned.", FineTuningMethod.ByName.Keys.ToDictionary(name => name));

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

    /// <summary>The method's name as it was given; null if none was.</summary>
    public string? Name(Invocation call) => call.Get(method);

    /// <summary>The method.</summary>
    /// <param name="call">What was typed.</param>
    /// <param name="standard">The one that holds if none is given.</param>
    public FineTuningMethod Method(Invocation call, string standard) => FineTuningMethod.ByName[Name(call) ?? standard];

    /// <summary>The attribute of the method; null: every weight trains.</summary>
    /// <param name="call">What was typed.</param>
    /// <param name="standard">The method that holds if none is given.</param>
    /// <exception cref="ToolException">An option does not go with the method.</exception>
    public AdapterAttribute? Attribute(Invocation call, string standard = "full")
    {
        var chosen = Method(call, standard);
        if (chosen.Create is not { } create)
        {
            Refuse(call, chosen.Name, rank, block, targets);
            return null;
        }

        var attribute = create(new(call.Get(block) ?? Standard.Block, call.Get(rank) ?? Standard.Rank));
        Refuse(call, chosen.Name, attribute is BoneAttribute ? rank : block);
        attribute.Targets = call.Get(targets);
        return attribute;
    }

    private static void Refuse(Invocation call, string method, params IEnumerable<Option> options)
    {
        if (options.FirstOrDefault(call.Has) is { } option)
        {
            throw new ToolException($"{option.Name} means nothing to the method {method}; leave it out.");
        }
    }
}
