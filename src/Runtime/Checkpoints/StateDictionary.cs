namespace Marrow.Checkpoints;

/// <summary>
/// The tensors of a model by name, out of a file that holds more: the weights may lie below "model" or "state_dict",
/// beside counters, arguments and an optimizer's state; names may begin with what DataParallel or torch.compile put
/// before them.
/// </summary>
internal sealed class StateDictionary
{
    private const int Deepest = 8, MostMembers = 1_000_000;

    /// <summary>Keys below which a model's weights lie; the first that is there counts.</summary>
    private static readonly string[] Wrappers =
    [
        "state_dict", "model_state_dict", "model", "model_state", "module", "net", "network", "weights", "params",
        "state_dict_ema", "model_ema", "ema_state_dict", "ema", "params_ema",
    ];

    /// <summary>Keys of tensors that are no weights.</summary>
    private static readonly string[] Others =
    [
        "optimizer", "optimizers", "optimizer_state_dict", "optimizer_states", "optim", "lr_scheduler", "lr_schedulers",
        "scheduler", "scaler", "loss_scaler", "amp", "rng_state", "cuda_rng_state", "random_state",
    ];

    private static readonly string[] Prefixes = ["module.", "_orig_mod."];

    /// <summary>Modules whose functions no checkpoint has a use for; a pickle that calls them is an attack.</summary>
    private static readonly string[] Hostile =
    [
        "os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "runpy", "importlib", "ctypes", "code", "pty",
        "commands", "webbrowser", "pickle", "_pickle", "marshal", "pip", "asyncio", "multiprocessing", "threading",
    ];

    private static readonly string[] HarmlessBuiltins =
    [
        "set", "frozenset", "list", "dict", "tuple", "int", "float", "bool", "str", "bytes", "bytearray", "complex",
        "slice", "range", "object",
    ];

    private readonly List<string> skipped = [];
    private Dictionary<string, PickledCall> tensors = [];
    private string taken = "";
    private int members;

    private StateDictionary()
    {
    }

    /// <summary>What rebuilds each tensor.</summary>
    public IReadOnlyDictionary<string, PickledCall> Tensors => tensors;

    /// <summary>What was left aside, in a sentence; null if nothing.</summary>
    public string? Note
    {
        get
        {
            var place = taken.Length == 0 ? "" : $"the tensors below '{taken}' are taken";
            var rest = skipped.Count == 0
                ? ""
                : $"{string.Join(", ", skipped.Take(5))}{(skipped.Count > 5 ? $" and {skipped.Count - 5} more" : "")} "
                    + $"{(skipped.Count == 1 ? "is" : "are")} left aside";
            return (place, rest) switch
            {
                ("", "") => null,
                ("", _) => rest,
                (_, "") => place,
                _ => $"{place}; {rest}",
            };
        }
    }

    /// <summary>Finds the tensors in what a pickle holds.</summary>
    /// <exception cref="FormatException">There are none, or the pickle would run a program.</exception>
    public static StateDictionary Of(object? value)
    {
        var found = new StateDictionary();
        switch (value)
        {
            case Dictionary<object, object?> root:
                found.Refuse(root, 0);
                found.members = 0;
                found.Take(root);
                break;
            case PickledCall call:
                RefuseHostile(call.Function);
                throw new FormatException(
                    $"it holds an object, {CheckpointException.Quote($"{call.Function}")}, and not tensors by name "
                    + "(torch.save of model.state_dict() writes these)");
            default:
                throw new FormatException("it names no tensor");
        }

        if (found.tensors.Count == 0)
        {
            throw new FormatException("it names no tensor");
        }

        return found;
    }

    private void Take(Dictionary<object, object?> root)
    {
        while (!root.Values.Any(IsTensor)
            && Wrappers.FirstOrDefault(name => root.TryGetValue(name, out var inner)
                && inner is Dictionary<object, object?> members && Holds(members, 0)) is { } wrapper)
        {
            skipped.AddRange(root.Where(pair => pair.Key is not string key || key != wrapper).Select(Words));
            taken = taken.Length == 0 ? wrapper : $"{taken}.{wrapper}";
            root = (Dictionary<object, object?>)root[wrapper]!;
            if (taken.Length > 200)
            {
                throw new FormatException("its dictionaries contain each other");
            }
        }

        Add("", root, 0);
        foreach (var prefix in Prefixes)
        {
            if (tensors.Keys.All(name => name.StartsWith(prefix, StringComparison.Ordinal)))
            {
                tensors = tensors.ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value);
            }
        }
    }

    /// <summary>Takes tensors up by name; dictionaries within dictionaries join their keys with dots.</summary>
    private void Add(string name, Dictionary<object, object?> values, int depth)
    {
        foreach (var pair in values)
        {
            Count();
            var full = name.Length == 0 ? $"{pair.Key}" : $"{name}.{pair.Key}";
            if (depth == 0 && pair.Key is string key && Others.Contains(key) && !IsTensor(pair.Value))
            {
                skipped.Add(Words(pair));
            }
            else if (pair.Value is Dictionary<object, object?> inner && depth < Deepest)
            {
                Add(full, inner, depth + 1);
            }
            else if (IsTensor(pair.Value))
            {
                if (!tensors.TryAdd(full, (PickledCall)pair.Value!))
                {
                    throw new FormatException($"tensor {CheckpointException.Quote(full)} is there twice");
                }
            }
            else
            {
                skipped.Add(Words(KeyValuePair.Create<object, object?>(full, pair.Value)));
            }
        }
    }

    private bool Holds(Dictionary<object, object?> values, int depth)
    {
        Count();
        return values.Values.Any(value => IsTensor(value)
            || (depth < Deepest && value is Dictionary<object, object?> inner && Holds(inner, depth + 1)));
    }

    private static bool IsTensor(object? value) => value is PickledCall { Function: var function }
        && function.Module.StartsWith("torch.", StringComparison.Ordinal)
        && function.Name.StartsWith("_rebuild_", StringComparison.Ordinal);

    /// <summary>Looks for calls of what runs programs, anywhere.</summary>
    private void Refuse(object? value, int depth)
    {
        Count();
        if (depth > 64)
        {
            return; // what is this deep is never looked at
        }

        switch (value)
        {
            case PickledCall call:
                RefuseHostile(call.Function);
                Each(call.Arguments);
                break;
            case Dictionary<object, object?> pairs:
                Each(pairs.Values);
                break;
            case List<object?> list:
                Each(list);
                break;
            case object?[] tuple:
                Each(tuple);
                break;
            default:
                break;
        }

        void Each(IEnumerable<object?> values)
        {
            foreach (var inner in values)
            {
                Refuse(inner, depth + 1);
            }
        }
    }

    private static void RefuseHostile(PickledName function)
    {
        var module = function.Module.Split('.')[0];
        var isBuiltin = module is "builtins" or "__builtin__";
        if (isBuiltin ? !HarmlessBuiltins.Contains(function.Name) : Hostile.Contains(module))
        {
            throw new FormatException(
                $"it calls {CheckpointException.Quote($"{function}")}, and only tensors are read (nothing was run)");
        }
    }

    /// <summary>A pickle may name one thing many times, on many levels.</summary>
    private void Count()
    {
        if (++members > MostMembers)
        {
            throw new FormatException($"it has more than {MostMembers} members");
        }
    }

    private static string Words(KeyValuePair<object, object?> pair) =>
        CheckpointException.Quote($"{pair.Key}")
        + (pair.Value is PickledCall call ? $" ({CheckpointException.Quote($"{call.Function}").Trim('\'')})" : "");
}
